using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Cloister.Cli.Looking;
using Cloister.Cli.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Cli.Tests.Commands;

/// <summary>ps, top, maps and stats, and the run that they look at.</summary>
public sealed class LookCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public LookCommandTests() =>
        File.SetUnixFileMode(_directory.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_run_is_listed_by_its_process_and_its_programs()
    {
        using CloisterProcess run = Start("sh", "-c", "echo $$; exec cat");
        string program = run.ReadLine();
        using JsonDocument listed = JsonDocument.Parse(Succeed("ps", "--json"));

        // There may be others' runs besides.
        int cloister = run.Id;
        JsonElement one =
            Assert.Single(listed.RootElement.GetProperty("runs").EnumerateArray(), one => one.GetProperty("pid").GetInt32() == cloister);
        Assert.Equal($"{one.GetProperty("program")}", program);
        Assert.Equal(["sh", "-c", "echo $$; exec cat"], one.GetProperty("command").EnumerateArray().Select(word => word.GetString()));
        Assert.Contains($"{cloister}", Succeed("ps"));
        foreach (string process in (string[])[$"{cloister}", program])
        {
            Assert.Contains("stops for system calls: ", Succeed("stats", process));
            Assert.Equal("", Succeed("maps", process));
        }

        using JsonDocument counted = JsonDocument.Parse(Succeed("stats", program, "--json", "--reset"));
        Assert.Equal(0, counted.RootElement.GetProperty("countedFrom").GetDouble());
        Assert.True(counted.RootElement.GetProperty("statistics").GetProperty("stopsForSystemCalls").GetInt64() > 0);
        Assert.Matches("^second .*counts are from second 0*[.0-9]*[1-9]", Succeed("stats", program));
        Assert.Contains("cat", Succeed("top", "--count", "1"));
        Assert.Equal((0, ""), Ended(run));
        Assert.DoesNotContain($"\"pid\": {cloister},", Succeed("ps", "--json"));
        Assert.False(Directory.Exists(Path.Combine(_directory.Path, "cloister")));
    }

    [Fact]
    public void One_whose_first_process_has_ended_answers()
    {
        using CloisterProcess run = Start("sh", "-c", "exec 3<&0; sh -c 'echo $$; exec cat <&3' & exit 0");
        string left = run.ReadLine();
        Assert.True(
            Patience.Until(_ => JsonDocument.Parse(Succeed("ps", "--json")).RootElement.GetProperty("runs").EnumerateArray()
                .Any(one => one.GetProperty("pid").GetInt32() == run.Id && one.GetProperty("program").GetInt32() == 0), 60));
        Assert.Contains("page faults: 0", Succeed("stats", left));
        Assert.Equal((0, ""), Ended(run));
    }

    // epoll_wait(2) is one of the calls that end early at a stop of which nothing else is seen. signal(7),
    // "Interruption of system calls and library functions by stop signals".
    [Fact]
    public void A_wait_of_the_programs_goes_on()
    {
        const string wait =
            "$e = syscall(291, 0); $v = pack('LQ', 1, 0); syscall(233, $e, 1, 0, $v); syswrite(STDOUT, \"ready\\n\"); $b = chr(0) x 12; $r = syscall(232, $e, $b, 1, -1); print \"$r\\n\"";
        using CloisterProcess run = Start("perl", "-e", wait);
        Assert.Equal("ready", run.ReadLine());
        for (int i = 0; i < 3; i++)
        {
            Assert.Contains("stops for signals", Succeed("stats", $"{run.Id}"));
            run.Signal(Signal.SIGPWR);
        }

        CloisterProcess.Outcome outcome = run.Finish();
        Assert.Equal((0, "1\n", ""), (outcome.Status, outcome.Output, outcome.Error));
    }

    [Fact]
    public void Who_connects_and_says_rubbish_or_nothing_changes_nothing()
    {
        using CloisterProcess run = Start("sh", "-c", "echo ready; exec cat");
        Assert.Equal("ready", run.ReadLine());
        List<Socket> all = [];
        for (int i = 0; i < 100; i++)
        {
            var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            all.Add(client);
            client.Connect(new UnixDomainSocketEndPoint(SocketOf(run)));
            if (i % 2 == 0)
            {
                _ = client.Send([0xff, 0, 10, 13, 10]);
            }
        }

        Assert.True(
            Patience.Until(_ => Succeed("ps").Split('\n')
                .Any(line => line.TrimStart().StartsWith($"{run.Id} ", StringComparison.Ordinal) && line.Contains("exec cat")), 60));
        all.ForEach(client => client.Dispose());
        Assert.Equal((0, ""), Ended(run));
    }

    [Fact]
    public void What_a_killed_one_leaves_is_not_listed_and_goes()
    {
        using CloisterProcess run = Start("sh", "-c", "echo ready; exec cat");
        Assert.Equal("ready", run.ReadLine());
        string socket = SocketOf(run);
        run.SignalGroup(Signal.SIGKILL);
        _ = run.AwaitEnd();
        Assert.True(File.Exists(socket));
        Assert.DoesNotContain($"\"pid\": {run.Id},", Succeed("ps", "--json"));
        Assert.False(Directory.Exists(Path.GetDirectoryName(socket)));
    }

    [Fact]
    public void Each_member_is_described()
    {
        string reference = File.ReadAllText(Repository.At("docs", "reference", "json.md"));
        int begin = reference.IndexOf("## `ps`, `maps`", StringComparison.Ordinal);
        string section = reference[begin..reference.IndexOf("\n## ", begin + 1, StringComparison.Ordinal)];
        JsonTypeInfo[] types = [LookJson.Default.MachineLook, LookJson.Default.ProcessLook, LookJson.Default.ThreadLook,
            LookJson.Default.EnclaveLook, LookJson.Default.MapsLook, LookJson.Default.MappedEnclaveLook, LookJson.Default.PagesLook,
            LookJson.Default.StatsLook];
        Assert.All(types.SelectMany(type => type.Properties).Select(member => member.Name)
            .Where(name => name is not "schema" and not "text"), name => Assert.Contains($"`{name}`", section));
    }

    [Fact]
    public void What_is_no_run_is_told()
    {
        foreach (string[] arguments in (string[][])[["stats", "1"], ["maps", "2147483647"], ["maps", "-1"]])
        {
            CloisterProcess.Outcome outcome = Run(arguments);
            Assert.Equal((1, "", $"cloister: no run of this user's is or has process {arguments[1]}; `cloister ps` lists them\n"),
                (outcome.Status, outcome.Output, outcome.Error));
        }

        Assert.Equal((64, "cloister: maps: 'here' is no address: 0x and hexadecimal digits\n"),
            (Run("maps", "1", "here").Status, Run("maps", "1", "here").Error));
        Assert.Equal(64, Run("stats", "x").Status);
        Assert.Equal(64, Run("top", "--delay", "0").Status);
    }

    private CloisterProcess Start(params string[] program)
    {
        CloisterProcess run =
            CloisterProcess.StartUnder([], ["run", "--", .. program], start => start.Environment["XDG_RUNTIME_DIR"] = _directory.Path);
        return run;
    }

    private CloisterProcess.Outcome Run(params string[] arguments) =>
        CloisterProcess.Run(arguments, adjust: start => start.Environment["XDG_RUNTIME_DIR"] = _directory.Path);

    private string Succeed(params string[] arguments)
    {
        CloisterProcess.Outcome outcome = Run(arguments);
        Assert.Equal((0, ""), (outcome.Status, outcome.Error));
        return outcome.Output;
    }

    private static (int Status, string Error) Ended(CloisterProcess run)
    {
        CloisterProcess.Outcome outcome = run.Finish();
        return (outcome.Status, outcome.Error);
    }

    private string SocketOf(CloisterProcess run)
    {
        string socket = Path.Combine(_directory.Path, "cloister", $"{run.Id}.sock");
        Assert.True(Patience.Until(milliseconds => SpinWait.SpinUntil(() => File.Exists(socket), milliseconds), 30));
        return socket;
    }
}
