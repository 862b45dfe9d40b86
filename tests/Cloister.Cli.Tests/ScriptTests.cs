using System.Diagnostics;
using Cloister.Cli.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Cli.Tests;

/// <summary>The script that builds the command, with an SDK that writes down how it was called and does what DOTNET_DOES says.</summary>
public sealed class ScriptTests : IDisposable
{
    private const string Sdk = """
        #!/bin/sh
        case $1 in
        --list-sdks) [ "${DOTNET_DOES-}" = lack ] || echo "${SDKS-10.0.100} [/somewhere]" ;;
        restore | publish)
            case " $* " in
            *PublishAot=true*) way=native ;;
            *PublishReadyToRun=true*) way=readytorun ;;
            *) way=plain ;;
            esac
            echo "$1 $way" >>"$LOG"
            case " ${LACKS-} " in
            *" $1-$way "*)
                echo 'x.csproj : error NU1101: Unable to find package Some.Compiler. No packages exist with this id in source(s): feed'
                exit 1
                ;;
            esac
            [ ! -e /proc/$$/fd/9 ] || echo 'the lock is open' >>"$LOG"
            [ "${DOTNET_DOES-}" != hang ] || { echo began; trap 'exit 0' TERM; while :; do sleep 0.05; done; }
            [ "${DOTNET_DOES-}" != wrong ] || { echo 'Part.cs(1,1): error CS1002: ; expected'; exit 1; }
            for argument; do
                if [ "${before-}" = -o ]; then
                    mkdir -p "$argument"
                    if [ $way = native ]; then
                        [ "${DOTNET_DOES-}" = stop ] || printf '#!/bin/sh\necho "native $*"\n' >"$argument/cloister"
                        [ "${DOTNET_DOES-}" = stop ] || chmod +x "$argument/cloister"
                    else
                        for file in cloister.runtimeconfig.json cloister.dll cloister; do echo "built" >"$argument/$file"; done
                        echo '"lib/net10.0/Part.One.dll": {}, "Cloister.Engine.dll": {}' | tr , '\n' >"$argument/cloister.deps.json"
                        echo part >"$argument/Part.One.dll"
                        [ "${DOTNET_DOES-}" = stop ] || echo engine >"$argument/Cloister.Engine.dll"
                    fi
                fi
                before=$argument
            done
            [ "$1" = restore ] || echo "  Cloister.Engine -> /somewhere/Cloister.Engine.dll"
            exit 0
            ;;
        *) echo "$@" ;;
        esac
        """;

    private readonly TemporaryDirectory _directory = new();
    private readonly string _root, _log, _program;

    public ScriptTests()
    {
        // A path that a shell would take apart.
        _root = Directory.CreateDirectory(Path.Combine(_directory.Path, "the root's 'own'")).FullName;
        (_log, _program) = (Path.Combine(_directory.Path, "log"), Path.Combine(_root, "artifacts/cloister/Release/cloister.dll"));
        _ = Directory.CreateDirectory(Path.Combine(_root, "src", "Cloister.Cli", "obj"));
        _ = Directory.CreateDirectory(Path.Combine(_root, "samples", "sgx2"));
        _ = Directory.CreateDirectory(Path.Combine(_root, "native"));
        File.WriteAllText(Path.Combine(_root, "Directory.Build.props"), "");
        File.Copy(Path.Combine(RepositoryRoot(), "cloister"), Path.Combine(_root, "cloister"));
        _ = _directory.Write("dotnet", Sdk, (UnixFileMode)0b111_101_101);
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_lock_does_not_stay_with_what_a_build_leaves_behind()
    {
        (int status, string output, string error) = Run("demo");
        Assert.Equal((0, "native demo\n"), (status, output));
        Assert.Equal(["restore native", "publish native"], File.ReadAllLines(_log));
        Assert.Contains(" s: built Cloister.Engine\n", error, StringComparison.Ordinal);
        Assert.EndsWith(" s: a native program, which needs no .NET\n", error, StringComparison.Ordinal);

        // Up to date, nothing is built and nothing is said.
        Assert.Equal((0, "native demo\n", ""), Run("demo"));
        Assert.Equal(2, File.ReadAllLines(_log).Length);
    }

    [Theory]
    [InlineData("restore-native", "restore native, restore readytorun, publish readytorun",
        "code compiled ahead of time, run by dotnet; no native: the package Some.Compiler could not be had")]
    [InlineData("publish-native", "restore native, publish native, restore readytorun, publish readytorun",
        "run by dotnet; no native: the native compiler or the linker failed (artifacts/native.log)")]
    [InlineData("restore-native restore-readytorun", "restore native, restore readytorun, publish plain",
        "code that dotnet compiles at each start; no native: the package Some.Compiler could not be had; no readytorun: the package Some.Compiler could not be had")]
    public void What_is_lacking_is_done_without_and_told_once(string lacks, string calls, string told)
    {
        (int status, string output, string error) = End(Start("x", adjust: start => start.Environment["LACKS"] = lacks));
        Assert.Equal((0, $"{_program} x\n"), (status, output));
        Assert.Equal(calls, string.Join(", ", File.ReadAllLines(_log)));
        Assert.Contains(told + "\n", error, StringComparison.Ordinal);
        Assert.Equal((0, $"{_program} x\n", ""), Run("x"));

        // It is not asked for at every build, but when it is wanted.
        Touch();
        Assert.Contains("no native: ", Run("x").Error, StringComparison.Ordinal);
        Assert.Equal(1, File.ReadAllLines(_log).Count(line => line == "restore native"));
        Touch();
        Assert.Equal((0, "native x\n"),
            (End(Start("x", adjust: start => start.Environment["CLOISTER_BUILD"] = "native")).Status, Run("x").Output));
    }

    [Theory]
    [InlineData("readytorun", "restore readytorun, publish readytorun")]
    [InlineData("plain", "publish plain")]
    public void The_way_can_be_chosen(string way, string calls)
    {
        Assert.Equal((0, $"{_program} x\n"),
            (End(Start("x", adjust: start => start.Environment["CLOISTER_BUILD"] = way)).Status, Run("x").Output));
        Assert.Equal(calls, string.Join(", ", File.ReadAllLines(_log)));
        Touch();
        Assert.Equal(Failure.Usage, End(Start("x", adjust: start => start.Environment["CLOISTER_BUILD"] = "fast")).Status);
    }

    [Fact]
    public void A_source_that_is_changed_added_or_taken_away_is_noticed()
    {
        string part = Path.Combine(_root, "src", "Part.cs"), old = Path.Combine(_directory.Path, "old.cs"),
            costs = Path.Combine(_root, "src", "costs.json");
        File.WriteAllText(part, "");
        File.WriteAllText(old, "");
        File.SetLastWriteTimeUtc(old, DateTime.UtcNow.AddYears(-1));
        Expect(built: true);
        Expect(built: false);
        File.AppendAllText(part, "//");
        Expect(built: true);

        // With the time that it had, as cp -p and tar leave it.
        File.Copy(old, part, overwrite: true);
        File.SetLastWriteTimeUtc(part, DateTime.UtcNow.AddYears(-1));
        Expect(built: true);
        File.WriteAllText(Path.Combine(_root, "native", "part.c"), "");
        Expect(built: true);
        File.Move(old, costs);
        Expect(built: true);
        File.Move(costs, old);
        Expect(built: true);
        File.Delete(part);
        Expect(built: true);
        Expect(built: false);

        void Expect(bool built)
        {
            int calls = File.Exists(_log) ? File.ReadAllLines(_log).Length : 0;
            Assert.Equal((0, "native x\n"), (Run("x").Status, Run("x").Output));
            Assert.Equal(built ? calls + 2 : calls, File.ReadAllLines(_log).Length);
        }
    }

    [Fact]
    public void A_find_without_cnewer_will_do()
    {
        // As busybox has it.
        _ = _directory.Write("find",
            "#!/bin/sh\ncase \" $* \" in *' -cnewer '* | *' -true '*) echo 'find: unrecognized: -cnewer' >&2; exit 1 ;; esac\nexec /usr/bin/find \"$@\"\n", (UnixFileMode)0b111_101_101);
        Assert.Equal((0, "native x\n"), (Run("x").Status, Run("x").Output));
        Assert.Equal((0, "native x\n", ""), Run("x"));
        File.WriteAllText(Path.Combine(_root, "src", "Part.cs"), "");
        Assert.Contains("cloister: built in", Run("x").Error, StringComparison.Ordinal);
        Touch();
        Assert.Contains("cloister: built in", Run("x").Error, StringComparison.Ordinal);
        Assert.Equal((0, "native x\n", ""), Run("x"));
    }

    [Theory]
    [InlineData("<&-")]
    [InlineData(">&-")]
    [InlineData("2>&-")]
    [InlineData("<&- >&- 2>&-")]
    public void Closed_streams_are_no_reason_not_to_build(string closed)
    {
        using Process script = Start("x", file: _directory.Write("closed", $"exec sh \"$ROOT/cloister\" \"$@\" {closed}"),
            adjust: start => start.Environment["ROOT"] = _root);
        _ = End(script);
        Assert.True(File.Exists(Native));
    }

    [Fact]
    public void What_a_cache_brought_is_taken_for_built()
    {
        _ = Run("x");
        Touch();
        File.WriteAllText(Path.Combine(_root, "src", "Another.cs"), "");
        Assert.Equal((0, "native x\n", ""), End(Start("x", adjust: start => start.Environment["CLOISTER_BUILD"] = "built")));
        Assert.Equal((0, "native x\n", ""), Run("x"));
        Assert.Equal(2, File.ReadAllLines(_log).Length);

        // Without anything there it builds.
        Directory.Delete(Path.Combine(_root, "artifacts/cloister"), recursive: true);
        Assert.Equal(0, End(Start("x", adjust: start => start.Environment["CLOISTER_BUILD"] = "built")).Status);
        Assert.Equal(4, File.ReadAllLines(_log).Length);
    }

    [Fact]
    public void A_build_that_stops_half_way_and_says_that_all_went_well_is_not_taken()
    {
        (int status, string output, string error) = Run("x", "stop");
        Assert.Equal((Failure.Internal, ""), (status, output));
        Assert.Contains("cloister: the build failed", error, StringComparison.Ordinal);
        Assert.Equal((0, "native x\n"), (Run("x").Status, Run("x").Output));

        // Nor is what works given up for it.
        Touch();
        Assert.Equal(Failure.Internal, Run("x", "stop").Status);
        Assert.True(File.Exists(Native));
    }

    [Fact]
    public void A_mistake_in_a_source_is_told_and_not_tried_in_other_ways()
    {
        (int status, _, string error) = Run("x", "wrong");
        Assert.Equal(Failure.Internal, status);
        Assert.Contains("error CS1002: ; expected", error, StringComparison.Ordinal);
        Assert.Equal(["restore native"], File.ReadAllLines(_log));
    }

    [Theory]
    [InlineData(Signal.SIGTERM)]
    [InlineData(Signal.SIGINT)]
    [InlineData(Signal.SIGHUP)]
    [InlineData(Signal.SIGKILL)]
    public void After_an_interruption_all_is_built_anew(int signal)
    {
        string leftover = Path.Combine(_root, "src/Cloister.Cli/obj/half.dll");
        using Process script = Start("x", "hang");
        while (!File.Exists(_log))
        {
            Thread.Sleep(20);
        }

        File.WriteAllText(leftover, "");
        Assert.Equal(Errno.None, HostKernel.Kill(script.Id, signal));
        Assert.True(script.WaitForExit(60_000));
        Assert.Equal(128 + signal, script.ExitCode);
        if (signal == Signal.SIGKILL)
        {
            // What it started goes on alone: the next build waits for its end.
            string builder = File.ReadAllText(Path.Combine(_root, "artifacts/.building")).Trim();
            Assert.Equal(Errno.None,
                HostKernel.Kill(int.Parse(builder, System.Globalization.CultureInfo.InvariantCulture), Signal.SIGTERM));
        }

        (int status, string output, string error) = Run("x");
        Assert.Equal((0, "native x\n"), (status, output));
        Assert.Contains("the last build was interrupted", error, StringComparison.Ordinal);
        Assert.False(File.Exists(leftover));
        Assert.Equal((0, "native x\n", ""), Run("x"));
    }

    [Fact]
    public void Two_at_once_build_once()
    {
        Process[] scripts = [.. Enumerable.Range(0, 4).Select(_ => Start("x"))];
        Assert.All(scripts, script => Assert.Equal("native x\n", End(script).Output));
        Assert.Equal("restore native, publish native", string.Join(", ", File.ReadAllLines(_log)));
    }

    [Theory]
    [InlineData("lack", "10.0.100", "has no SDK at all, only the runtime")]
    [InlineData("", "8.0.100", "has only: 8.0.100; see")]
    public void A_missing_SDK_is_told(string does, string sdks, string words)
    {
        (int status, string output, string error) = End(Start("x", does, start => start.Environment["SDKS"] = sdks));
        Assert.Equal((Failure.Unavailable, ""), (status, output));
        Assert.Contains(words, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_home_or_with_one_that_cannot_be_written_to_it_builds()
    {
        Assert.Equal(0, End(Start("x", adjust: start => start.Environment.Remove("HOME"))).Status);
        File.Delete(Path.Combine(_root, "artifacts/cloister/Release/.built"));
        Assert.Equal(0, End(Start("x", adjust: start => start.Environment["HOME"] = "/proc/nowhere")).Status);
    }

    [Fact]
    public void It_is_found_through_links()
    {
        string link = Path.Combine(_directory.Path, "link"), other = Path.Combine(_directory.Path, "other");
        _ = File.CreateSymbolicLink(link, Path.Combine(_root, "cloister"));
        _ = File.CreateSymbolicLink(other, "link");
        (int status, string output, _) = End(Start("x", file: other));
        Assert.Equal((0, "native x\n"), (status, output));
    }

    private string Native => Path.Combine(Path.GetDirectoryName(_program)!, "cloister");

    private void Touch() => File.SetLastWriteTimeUtc(Path.Combine(_root, "Directory.Build.props"), DateTime.UtcNow);

    private (int Status, string Output, string Error) Run(string argument, string does = "") => End(Start(argument, does));

    private Process Start(string argument, string does = "", Action<ProcessStartInfo>? adjust = null, string? file = null)
    {
        // Whoever runs the tests may have signals ignored, and a shell cannot catch those.
        const string defaults = "@SIG{qw(HUP INT TERM)} = ('DEFAULT') x 3; exec @ARGV or die";
        var start = new ProcessStartInfo("perl", ["-e", defaults, "sh", file ?? Path.Combine(_root, "cloister"), argument])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = $"{_directory.Path}:{start.Environment["PATH"]}";
        start.Environment["LOG"] = _log;
        start.Environment["DOTNET_DOES"] = does;
        _ = start.Environment.Remove("CLOISTER_CONFIGURATION");
        _ = start.Environment.Remove("CLOISTER_BUILD");
        adjust?.Invoke(start);
        return Process.Start(start)!;
    }

    private static (int Status, string Output, string Error) End(Process script)
    {
        Task<string> output = script.StandardOutput.ReadToEndAsync(), error = script.StandardError.ReadToEndAsync();
        Assert.True(script.WaitForExit(60_000), "the script hangs");
        return (script.ExitCode, output.Result, error.Result);
    }

    private static string RepositoryRoot()
    {
        string directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Cloister.slnx")))
        {
            directory = Path.GetDirectoryName(directory)!;
        }

        return directory;
    }
}
