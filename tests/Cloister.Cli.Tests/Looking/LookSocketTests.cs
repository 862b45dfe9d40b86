using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Cloister.Cli.Looking;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Looking;

/// <summary>The socket of a run, and who connects to it and means no good.</summary>
public sealed class LookSocketTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<Socket> _clients = [];
    private readonly List<string> _notices = [];

    private string Folder => Path.Combine(_directory.Path, "cloister");

    private string SocketPath => LookFolder.FileOf(Folder, Environment.ProcessId);

    public void Dispose()
    {
        _clients.ForEach(client => client.Dispose());
        _directory.Dispose();
    }

    [Fact]
    public void A_request_has_an_answer_and_nothing_is_left()
    {
        using (Begin((request, _) => Task.FromResult(new LookAnswer(Encoding.ASCII.GetBytes($"{{\"asked\":\"{request}\"}}\n")))))
        {
            Assert.Equal("{\"asked\":\"maps 0x1000\"}\n", Ask("maps 0x1000\n"));
            Assert.Equal("{\"asked\":\"ps\"}\n", Ask("ps\n"));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Folder));
        }

        Assert.False(Directory.Exists(Folder));
    }

    [Theory]
    [InlineData("rubbish\n", "there is no such request")]
    [InlineData("\0\u001b[2J\n", "there is no such request")]
    [InlineData("\n", "there is no such request")]
    public void Rubbish_is_refused_in_a_line(string sent, string error)
    {
        using LookSocket socket = Begin(Nothing);
        Assert.Equal($"{{\"error\":\"{error}\"}}\n", Ask(sent));
    }

    [Fact]
    public void A_line_without_an_end_is_not_read_to_its_end()
    {
        using LookSocket socket = Begin(Nothing);
        using Socket client = Connect();

        // As much as is read; of more the kernel would tell that it was thrown away.
        _ = client.Send(new byte[LookRequest.LongestLine + 1]);
        Assert.Equal("{\"error\":\"the request is too long\"}\n", Rest(client));
    }

    [Fact]
    public void Whoever_floods_it_is_cut_off()
    {
        using LookSocket socket = Begin(Nothing);
        using Socket client = Connect();
        _ = Assert.Throws<SocketException>(() =>
        {
            for (int i = 0; i < 100_000; i++)
            {
                _ = client.Send(new byte[1000]);
            }
        });
        Assert.Equal("{}", Ask("ps\n"));
    }

    [Fact]
    public void Who_says_nothing_or_takes_nothing_keeps_nobody_waiting_and_is_cut_off()
    {
        using LookSocket socket = Begin((_, _) => Task.FromResult(new LookAnswer(new byte[64 << 20])));
        Socket silent = Connect(), deaf = Connect();
        _ = deaf.Send("ps\n"u8);
        long began = Stopwatch.GetTimestamp();
        Assert.Equal(64 << 20, Ask("ps\n").Length);
        Assert.Equal("", Rest(silent));

        // Who takes nothing has what the kernel held for it when it was cut off.
        Assert.True(Patience.Until(milliseconds => SpinWait.SpinUntil(() => Ended(deaf), milliseconds), 30));
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, 1, 60);
    }

    [Fact]
    public void What_follows_the_line_is_given_to_its_end_and_closed()
    {
        byte[] rest = new byte[(1 << 20) + 17];
        new Random(3).NextBytes(rest);
        using var memory = new MemoryStream(rest);
        using LookSocket socket = Begin((_, _) => Task.FromResult(new LookAnswer("{}\n"u8.ToArray(), memory)));
        Assert.Equal("{}\n" + Encoding.Latin1.GetString(rest), Ask("dump 1\n"));
        Assert.True(Patience.Until(milliseconds => SpinWait.SpinUntil(() => !memory.CanRead, milliseconds), 30));
    }

    [Theory]
    [InlineData("{\"error\":\"it has no enclave 1\"}\n", "it has no enclave 1")]
    [InlineData("{\"schema\":1,\"pid\":1,\"enclave\":1,\"length\":100,\"pages\":1,\"unreadable\":0,\"sigstruct\":\"\"}\nshort",
        "it ended before all of the enclave's memory had come")]
    [InlineData("", "it has ended, or too many look at it")]
    [InlineData("rubbish", "it answers what is no JSON: is it of another version?")]
    public void A_dump_that_does_not_come_whole_is_told(string answer, string problem)
    {
        using LookSocket socket = Begin((_, _) => Task.FromResult(new LookAnswer(Encoding.ASCII.GetBytes(answer))));
        Connect().Dispose();
        LookException told =
            Assert.Throws<LookException>(
                () => DumpAnswer.TryTake(SocketPath, new LookRequest(LookVerb.Dump, Enclave: 1), new MemoryStream()));
        Assert.Equal(problem, told.Message);
    }

    [Fact]
    public void A_dump_comes_whole_however_it_is_cut()
    {
        byte[] memory = new byte[700_001];
        new Random(4).NextBytes(memory);
        var look = new DumpLook
        {
            Pid = 1,
            Enclave = 1,
            Length = memory.Length,
            Pages = 3,
            Unreadable = 0,
            Sigstruct = new string('a', 3616),
        };
        using LookSocket socket = Begin((_, _) => Task.FromResult(new LookAnswer(LookJson.Bytes(look), new MemoryStream(memory))));
        Connect().Dispose();
        using var taken = new MemoryStream();
        Assert.Equal(look, DumpAnswer.TryTake(SocketPath, new LookRequest(LookVerb.Dump, Enclave: 1), taken));
        Assert.Equal(memory, taken.ToArray());
    }

    [Fact]
    public void Of_many_at_once_some_are_turned_away_and_later_ones_served()
    {
        using LookSocket socket = Begin(Nothing);
        Socket[] silent = [.. Enumerable.Range(0, 60).Select(_ => Connect())];
        Assert.All(silent, client => Assert.Equal("", Rest(client)));
        Assert.Equal("{}", Ask("ps\n"));
    }

    [Fact]
    public void A_machine_that_does_not_answer_is_told()
    {
        using LookSocket socket = Begin(async (_, cancellation) =>
        {
            await Task.Delay(Timeout.Infinite, cancellation);
            return new LookAnswer([]);
        });
        Assert.Equal("{\"error\":\"it is ending, or nothing of it stops\"}\n", Ask("ps\n"));
    }

    [Fact]
    public void A_defect_in_an_answer_is_told()
    {
        using LookSocket socket = Begin((_, _) => throw new InvalidOperationException("wrong"));
        Assert.Equal("{\"error\":\"InvalidOperationException: wrong\"}\n", Ask("ps\n"));
    }

    [Fact]
    public void What_a_killed_one_of_the_same_number_left_is_replaced()
    {
        _ = Directory.CreateDirectory(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.WriteAllText(SocketPath, "");
        File.WriteAllText(SocketPath + "-", "");
        using (Begin(Nothing))
        {
            Assert.True(Patience.Until(milliseconds => SpinWait.SpinUntil(() => !File.Exists(SocketPath + "-"), milliseconds), 30));
            Assert.Equal("{}", Ask("ps\n"));
        }

        Assert.False(Directory.Exists(Folder));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_folder_that_is_not_this_users_alone_is_not_used(bool isLink)
    {
        string own = Path.Combine(_directory.Path, "own"), next = Path.Combine(_directory.Path, "next");
        _ = Directory.CreateDirectory(own);
        File.SetUnixFileMode(own, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | (isLink ? 0 : UnixFileMode.GroupExecute));
        if (isLink)
        {
            _ = Directory.CreateSymbolicLink(Folder, own);
        }
        else
        {
            Directory.Move(own, Folder);
        }

        using (LookSocket.Begin(Nothing, _notices.Add, [Folder, next]))
        {
            string socket = LookFolder.FileOf(next, Environment.ProcessId);
            Assert.True(Patience.Until(milliseconds => SpinWait.SpinUntil(() => File.Exists(socket), milliseconds), 30));
        }

        Assert.True(Directory.Exists(Folder));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Folder));
    }

    [Fact]
    public void Where_there_can_be_none_that_is_said()
    {
        using (LookSocket.Begin(Nothing, _notices.Add, ["/proc/cloister"]))
        {
            Assert.True(Patience.Until(milliseconds => SpinWait.SpinUntil(() => _notices.Count > 0, milliseconds), 30));
        }

        Assert.StartsWith("this run cannot be looked at: /proc/cloister: ", _notices[0]);
    }

    private static Task<LookAnswer> Nothing(LookRequest request, CancellationToken cancellation) =>
        Task.FromResult(new LookAnswer("{}"u8.ToArray()));

    private LookSocket Begin(Func<LookRequest, CancellationToken, Task<LookAnswer>> answer) =>
        LookSocket.Begin(answer, _notices.Add, [Folder]);

    private Socket Connect()
    {
        Assert.True(Patience.Until(milliseconds => SpinWait.SpinUntil(() => File.Exists(SocketPath), milliseconds), 30),
            string.Join('\n', _notices));
        var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
        _clients.Add(client);
        client.Connect(new UnixDomainSocketEndPoint(SocketPath));
        return client;
    }

    private string Ask(string line)
    {
        using Socket client = Connect();
        _ = client.Send(Encoding.Latin1.GetBytes(line));
        return Rest(client);
    }

    private static string Rest(Socket client)
    {
        using var all = new MemoryStream();
        byte[] buffer = new byte[1 << 20];
        for (int read; (read = client.Receive(buffer)) > 0;)
        {
            all.Write(buffer, 0, read);
        }

        return Encoding.Latin1.GetString(all.GetBuffer(), 0, (int)all.Length);
    }

    // Whether the other end was closed, with answers that nobody took still there.
    private static bool Ended(Socket client)
    {
        try
        {
            return client.Send("x"u8) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}
