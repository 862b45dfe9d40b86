using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Cloister.Attestation.Services;

namespace Cloister.Cli.Metrics;

/// <summary>Serves metrics by HTTP to whoever can connect: GET /metrics, and nothing else. RFC 9112, one request for each connection.</summary>
internal sealed class MetricsServer : IDisposable
{
    private const int MostConnections = 16, Backlog = 64, LongestRequest = 8 * 1024;
    private static readonly TimeSpan s_request = TimeSpan.FromSeconds(5), s_answer = TimeSpan.FromSeconds(8), s_taking = TimeSpan.FromSeconds(5);

    private readonly Func<CancellationToken, Task<byte[]>> _metrics;
    private readonly ConnectionServer _server;
    private int _open;

    private MetricsServer(Socket listener, Func<CancellationToken, Task<byte[]>> metrics)
    {
        _metrics = metrics;
        Place = (IPEndPoint)listener.LocalEndPoint!;
        _server = ConnectionServer.Begin(listener, Serve);
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint Place { get; }

    /// <summary>Begins to serve.</summary>
    /// <param name="place">Where; with port 0 one that is free.</param>
    /// <param name="metrics">Makes the text.</param>
    /// <param name="problem">What is wrong with the place, or null.</param>
    public static MetricsServer? Begin(IPEndPoint place, Func<CancellationToken, Task<byte[]>> metrics, out string? problem)
    {
        var listener = new Socket(place.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(place);
            listener.Listen(Backlog);
            problem = null;
            return new MetricsServer(listener, metrics);
        }
        catch (SocketException refused)
        {
            listener.Dispose();
            problem = refused.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => "somebody listens there already",
                SocketError.AccessDenied => "permission denied",
                SocketError.AddressNotAvailable => "this machine has no such address",
                _ => refused.Message,
            };
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _server.Dispose();

    private async Task Serve(Stream stream, CancellationToken cancellation)
    {
        try
        {
            if (Interlocked.Increment(ref _open) <= MostConnections)
            {
                byte[] answer = await Answer(stream, cancellation).ConfigureAwait(false);
                using var taking = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
                taking.CancelAfter(s_taking);
                await stream.WriteAsync(answer, taking.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            _ = Interlocked.Decrement(ref _open);
        }
    }

    private async Task<byte[]> Answer(Stream stream, CancellationToken cancellation)
    {
        string request;
        using (var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation))
        {
            patience.CancelAfter(s_request);
            request = await ReadRequest(stream, patience.Token).ConfigureAwait(false);
        }

        string[] line = request.Split("\r\n")[0].Split(' ');
        if (line is not [var method, var target, "HTTP/1.0" or "HTTP/1.1"] || !request.EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            return Response("400 Bad Request", "text/plain", "this is no HTTP request\n"u8, false);
        }

        bool isHead = method == "HEAD";
        if (method != "GET" && !isHead)
        {
            return Response("405 Method Not Allowed", "text/plain", "there is GET and HEAD\n"u8, isHead, "Allow: GET, HEAD\r\n");
        }

        if (target.Split('?')[0] != "/metrics")
        {
            return Response("404 Not Found", "text/plain", "there is /metrics\n"u8, isHead);
        }

        try
        {
            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            waiting.CancelAfter(s_answer);
            return Response("200 OK", MetricsText.ContentType, await _metrics(waiting.Token).ConfigureAwait(false), isHead);
        }
        catch (OperationCanceledException)
        {
            return Response("503 Service Unavailable", "text/plain", "the run is ending, or nothing of it stops\n"u8, isHead);
        }
    }

    // Its head: no request here has anything behind it.
    private static async Task<string> ReadRequest(Stream stream, CancellationToken cancellation)
    {
        byte[] buffer = new byte[LongestRequest];
        int length = 0;
        while (length < buffer.Length)
        {
            int read = await stream.ReadAsync(buffer.AsMemory(length), cancellation).ConfigureAwait(false);
            length += read;
            int end = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
            if (read == 0 || end >= 0)
            {
                return Encoding.Latin1.GetString(buffer, 0, end >= 0 ? end + 4 : length);
            }
        }

        return "";
    }

    private static byte[] Response(string status, string type, ReadOnlySpan<byte> body, bool isHead, string more = "")
    {
        string head = string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {body.Length}\r\n{more}Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n");
        return [.. Encoding.ASCII.GetBytes(head), .. isHead ? default : body];
    }
}
