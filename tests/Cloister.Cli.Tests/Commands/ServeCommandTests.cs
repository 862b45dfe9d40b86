using System.Net.Sockets;
using Cloister.Attestation.Certificates;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Commands;

/// <summary><c>cloister attest serve</c>: both services, until a signal ends it, and nothing stays behind.</summary>
public sealed class ServeCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private CloisterProcess Start(params string[] words) =>
        CloisterProcess.StartUnder([], ["attest", "serve", .. words], start => start.Environment["XDG_STATE_HOME"] = _directory.Path);

    [Theory]
    [InlineData(2)]
    [InlineData(15)]
    public async Task Both_serve_until_a_signal(int signal)
    {
        string path = Path.Combine(_directory.Path, "aesm.socket");
        using (var killed = Start("--pccs", "0", "--aesm", path))
        {
            _ = killed.ReadLine();
            _ = killed.ReadLine();
            killed.Signal(9);
            CloisterProcess.AwaitEnd(killed.Id);
        }

        Assert.True(File.Exists(path));
        using CloisterProcess process = Start("--pccs", "127.0.0.1:0", "--aesm", path, "--seed", "x");
        string url = process.ReadLine()["certificates at ".Length..];
        Assert.Equal($"AESM at {path}", process.ReadLine());
        using var client = new HttpClient();
        Assert.Empty(RevocationList.Parse(Convert.FromHexString(await client.GetStringAsync(new Uri(url + "rootcacrl")))).Revoked);
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            socket.Send([3, 0, 0, 0, 0xaa, 0x01, 0x00]);
            Assert.True(socket.Receive(new byte[64]) > 0);
        }

        process.Signal(signal);
        CloisterProcess.Outcome outcome = process.AwaitEnd();
        Assert.Equal((0, ""), (outcome.Status, outcome.Error));
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void What_cannot_be_served_is_one_line()
    {
        string file = _directory.Write("file", "mine");
        (int Status, string[] Words)[] wrong = [(69, ["--pccs", "0", "--aesm", file]), (69, ["--pccs", "0", "--aesm", "/nowhere/x"]),
            (64, ["--pccs", "x"]), (69, ["--pccs", "192.0.2.1:1"]), (66, ["--platform", "x"]), (64, ["--tcb", "x"])];
        Assert.All(wrong, one =>
        {
            using CloisterProcess process = Start(one.Words);
            CloisterProcess.Outcome outcome = process.Finish();
            Assert.True(one.Status == outcome.Status && outcome.Error.Count(c => c == '\n') == 1,
                $"{string.Join(' ', one.Words)}: {outcome.Status}: {outcome.Error}");
        });
        Assert.Equal("mine", File.ReadAllText(file));
    }
}
