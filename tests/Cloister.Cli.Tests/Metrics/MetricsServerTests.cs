using System.Net;
using System.Net.Sockets;
using System.Text;
using Cloister.Cli.Metrics;

namespace Cloister.Cli.Tests.Metrics;

/// <summary>Metrics by HTTP, and who connects and means no good.</summary>
public sealed class MetricsServerTests : IDisposable
{
    private const string Text = "# TYPE x gauge\nx 1\n";
    private readonly MetricsServer _server = Begin(_ => Task.FromResult(Encoding.UTF8.GetBytes(Text)));

    public void Dispose() => _server.Dispose();

    [Fact]
    public async Task A_client_of_HTTP_gets_them()
    {
        using var client = new HttpClient();
        using HttpResponseMessage response = await client.GetAsync(new Uri($"http://{_server.Place}/metrics"));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", $"{response.Content.Headers.ContentType}");
        Assert.Equal(Text, await response.Content.ReadAsStringAsync());
        using HttpResponseMessage other = await client.GetAsync(new Uri($"http://{_server.Place}/"));
        Assert.Equal(HttpStatusCode.NotFound, other.StatusCode);
    }

    [Theory]
    [InlineData("HEAD /metrics HTTP/1.1\r\n\r\n", "200")]
    [InlineData("GET /metrics?x HTTP/1.0\r\nHost: x\r\n\r\n", "200")]
    [InlineData("POST /metrics HTTP/1.1\r\n\r\n", "405")]
    [InlineData("GET /metrics/ HTTP/1.1\r\n\r\n", "404")]
    [InlineData("GET http://x/metrics HTTP/1.1\r\n\r\n", "400")]
    [InlineData("GET /metrics\r\n\r\n", "400")]
    [InlineData("GET /metrics HTTP/2.0\r\n\r\n", "400")]
    [InlineData("\0\u00ff\r\n\r\n", "400")]
    public void Any_other_request_is_refused(string request, string status)
    {
        string answer = Ask(request);
        Assert.StartsWith($"HTTP/1.1 {status} ", answer);
        Assert.Equal(request.StartsWith("GET /metrics?", StringComparison.Ordinal), answer.EndsWith(Text, StringComparison.Ordinal));
    }

    [Fact]
    public void What_ends_in_the_middle_has_no_answer() => Assert.Equal("", Ask("GET /metrics HTTP/1.1\r\n", ends: true));

    [Fact]
    public void A_head_without_an_end_is_not_read_to_its_end() =>
        Assert.StartsWith("HTTP/1.1 431 ", Ask("GET /metrics HTTP/1.1\r\nX: " + new string('x', (16 << 10) - 26)));

    [Fact]
    public void Who_says_nothing_keeps_nobody_waiting_and_is_cut_off()
    {
        using Socket silent = Connect();
        Assert.EndsWith(Text, Ask("GET /metrics HTTP/1.1\r\n\r\n"));
        Assert.Equal("", Rest(silent));
    }

    [Fact]
    public void Of_many_at_once_some_are_turned_away_and_later_ones_served()
    {
        Socket[] silent = [.. Enumerable.Range(0, 60).Select(_ => Connect())];
        Assert.All(silent, client => Assert.Equal("", Rest(client)));
        Array.ForEach(silent, client => client.Dispose());
        Assert.EndsWith(Text, Ask("GET /metrics HTTP/1.1\r\n\r\n"));
    }

    [Fact]
    public void A_run_that_does_not_answer_is_told()
    {
        using MetricsServer server = Begin(async cancellation =>
        {
            await Task.Delay(Timeout.Infinite, cancellation);
            return [];
        });
        Assert.StartsWith("HTTP/1.1 503 ", Ask("GET /metrics HTTP/1.1\r\n\r\n", server: server));
    }

    [Fact]
    public void Where_somebody_listens_already_there_is_no_second()
    {
        Assert.Null(MetricsServer.Begin(_server.Place, _ => Task.FromResult<byte[]>([]), out string? problem));
        Assert.Equal("somebody listens there already", problem);
    }

    private static MetricsServer Begin(Func<CancellationToken, Task<byte[]>> metrics)
    {
        MetricsServer? server = MetricsServer.Begin(new IPEndPoint(IPAddress.Loopback, 0), metrics, out string? problem);
        Assert.Null(problem);
        return server!;
    }

    private Socket Connect(MetricsServer? server = null)
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 60_000 };
        client.Connect((server ?? _server).Place);
        return client;
    }

    private string Ask(string request, bool ends = false, MetricsServer? server = null)
    {
        using Socket client = Connect(server);
        _ = client.Send(Encoding.Latin1.GetBytes(request));
        if (ends)
        {
            client.Shutdown(SocketShutdown.Send);
        }

        return Rest(client);
    }

    private static string Rest(Socket client)
    {
        using var all = new MemoryStream();
        byte[] buffer = new byte[1 << 16];
        try
        {
            for (int read; (read = client.Receive(buffer)) > 0;)
            {
                all.Write(buffer, 0, read);
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Turned away.
        }

        return Encoding.Latin1.GetString(all.GetBuffer(), 0, (int)all.Length);
    }
}
