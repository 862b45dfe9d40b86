using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Cloister.Cli.Metrics;

namespace Cloister.Cli.Tests.Metrics;

/// <summary>Metrics that are sent, and receivers that are not there or mean no good.</summary>
public sealed class OtlpExporterTests : IDisposable
{
    private readonly TcpListener _receiver = new(IPAddress.Loopback, 0);
    private readonly List<string> _told = [];

    public OtlpExporterTests() => _receiver.Start();

    public void Dispose() => _receiver.Dispose();

    private OtlpTarget Target(int milliseconds = 3_600_000) => new(new Uri($"http://{_receiver.LocalEndpoint}/v1/metrics"),
        [("x-key", "k")], [], TimeSpan.FromMilliseconds(milliseconds), TimeSpan.FromSeconds(10));

    private OtlpExporter Begin(OtlpTarget target, Func<CancellationToken, Task<byte[]>>? metrics = null) =>
        OtlpExporter.Begin(target, metrics ?? (_ => Task.FromResult<byte[]>([1, 2, 3])), text =>
        {
            lock (_told)
            {
                _told.Add(text);
            }
        });

    // Takes one request to the end of its body, which is three bytes, and answers.
    private async Task<string> Take(string answer)
    {
        using TcpClient client = await _receiver.AcceptTcpClientAsync();
        NetworkStream stream = client.GetStream();
        var request = new StringBuilder();
        byte[] buffer = new byte[4096];
        while (request.ToString() is var text && (!text.Contains("\r\n\r\n", StringComparison.Ordinal)
            || text.Length < text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 7))
        {
            int read = await stream.ReadAsync(buffer);
            if (read == 0)
            {
                break;
            }

            _ = request.Append(Encoding.Latin1.GetString(buffer, 0, read));
        }

        await stream.WriteAsync(Encoding.ASCII.GetBytes(answer));
        return request.ToString();
    }

    [Fact]
    public async Task They_are_sent_each_time_and_at_the_end()
    {
        using OtlpExporter exporter = Begin(Target(20));
        string first = await Take("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        Assert.StartsWith("POST /v1/metrics HTTP/1.1\r\n", first);
        Assert.Contains("Content-Type: application/x-protobuf\r\n", first, StringComparison.Ordinal);
        Assert.Contains("x-key: k\r\n", first, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\n\u0001\u0002\u0003", first);
        Assert.EndsWith("\u0001\u0002\u0003", await Take("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    }

    [Fact]
    public async Task The_last_are_those_of_the_end()
    {
        using OtlpExporter exporter = Begin(Target());
        Task<string> taken = Take("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        exporter.Finish([4, 5, 6]);
        Assert.EndsWith("\u0004\u0005\u0006", await taken);
        Assert.Empty(_told);
    }

    [Theory]
    [InlineData("HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", ": HTTP status 500; the run goes on")]
    [InlineData("HTTP/1.1 302 There\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", ": HTTP status 302; the run goes on")]
    [InlineData("\u0001 nonsense\r\n\r\n", "; the run goes on")]
    [InlineData("", "; the run goes on")]
    public async Task What_is_wrong_is_told_once(string answer, string told)
    {
        using OtlpExporter exporter = Begin(Target(20));
        _ = await Take(answer);
        _ = await Take(answer);
        _ = await Take(answer);
        lock (_told)
        {
            string line = Assert.Single(_told);
            Assert.StartsWith($"metrics cannot be sent to http://{_receiver.LocalEndpoint}/v1/metrics", line);
            Assert.EndsWith(told, line);
            Assert.DoesNotContain('\n', line);
        }
    }

    [Fact]
    public void Where_nobody_listens_the_end_is_at_once()
    {
        OtlpTarget target = Target();
        _receiver.Stop();
        var watch = Stopwatch.StartNew();
        using (OtlpExporter exporter = Begin(target))
        {
            exporter.Finish([1]);
            exporter.Finish([2]);
        }

        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), $"{watch.Elapsed}");
        Assert.Contains("refused", Assert.Single(_told), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Who_does_not_answer_holds_up_the_end_for_a_moment_only()
    {
        var watch = Stopwatch.StartNew();
        using (OtlpExporter exporter = Begin(Target() with { Patience = TimeSpan.FromHours(1) }))
        {
            exporter.Finish([1]);
        }

        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(120));
        Assert.Contains("no answer", Assert.Single(_told), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_cannot_say_is_asked_again()
    {
        int asked = 0;
        using OtlpExporter exporter = Begin(Target(20), cancellation => ++asked < 3
            ? Task.FromCanceled<byte[]>(new CancellationToken(canceled: true)) : Task.FromResult<byte[]>([7, 8, 9]));
        Assert.EndsWith("\u0007\u0008\u0009", await Take("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
        Assert.Empty(_told);
    }
}
