using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Cloister.Attestation.Services;

/// <summary>
/// HTTP/1.1 for one kind of client: GET, one request for each connection (RFC 9112). The framework's listener wants its port beforehand and
/// takes requests by the name of the host; this one takes the port that is free.
/// </summary>
public static class HttpServer
{
    private const int Backlog = 512, LongestHead = 16 << 10;
    private static ReadOnlySpan<byte> End => "\r\n\r\n"u8;

    /// <summary>Begins to serve.</summary>
    /// <param name="address">Address and port; 0 is one that is free.</param>
    /// <param name="get">Answers GET for path and query.</param>
    /// <param name="bound">Address and port that it has.</param>
    /// <exception cref="SocketException">The address or the port is not to be had.</exception>
    public static ConnectionServer Begin(IPEndPoint address, Func<string, HttpAnswer> get, out IPEndPoint bound) =>
        Begin(address, (target, _) => Task.FromResult(get(target)), int.MaxValue, out bound);

    /// <summary>Begins to serve what takes a while.</summary>
    /// <param name="address">Address and port; 0 is one that is free.</param>
    /// <param name="get">Answers GET for path and query.</param>
    /// <param name="most">How many connections are served at once.</param>
    /// <param name="bound">Address and port that it has.</param>
    /// <exception cref="SocketException">The address or the port is not to be had.</exception>
    public static ConnectionServer Begin(IPEndPoint address, Func<string, CancellationToken, Task<HttpAnswer>> get, int most,
        out IPEndPoint bound)
    {
        ArgumentNullException.ThrowIfNull(address);
        var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(address);
            listener.Listen(Backlog);
            bound = (IPEndPoint)listener.LocalEndPoint!;
        }
        catch
        {
            listener.Dispose();
            throw;
        }

        return ConnectionServer.Begin(listener, (stream, cancellation) => Serve(get, stream, cancellation), most: most);
    }

    internal static async Task Serve(Func<string, CancellationToken, Task<HttpAnswer>> get, Stream stream, CancellationToken cancellation)
    {
        byte[] head = new byte[LongestHead];
        int length = 0, end;
        while ((end = head.AsSpan(0, length).IndexOf(End)) < 0)
        {
            int read = length == head.Length ? 0 : await stream.ReadAsync(head.AsMemory(length), cancellation).ConfigureAwait(false);
            if (read == 0)
            {
                if (length == head.Length)
                {
                    await Write(stream, HttpAnswer.Error(431, "the request's head is too long"), false, cancellation).ConfigureAwait(false);
                }

                return;
            }

            length += read;
        }

        string[] words = Encoding.Latin1.GetString(head, 0, end).Split("\r\n", 2)[0].Split(' ');
        HttpAnswer answer = words is not [var method, ['/', ..] target, "HTTP/1.1" or "HTTP/1.0"]
            ? HttpAnswer.Error(400, "that is no request of HTTP/1.1")
            : method is "GET" or "HEAD" ? await get(target, cancellation).ConfigureAwait(false)
            : HttpAnswer.Error(405, "there is GET and HEAD") with { Headers = [("Allow", "GET, HEAD")] };
        await Write(stream, answer, words[0] == "HEAD", cancellation).ConfigureAwait(false);
    }

    private static async Task Write(Stream stream, HttpAnswer answer, bool headOnly, CancellationToken cancellation)
    {
        var head = new StringBuilder(
            $"HTTP/1.1 {answer.Status} {(answer.Status == 200 ? "OK" : "Error")}\r\nContent-Type: {answer.ContentType}\r\nContent-Length: {answer.Body.Length}\r\nConnection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
        foreach ((string name, string value) in answer.Headers)
        {
            head.Append($"{name}: {value}\r\n");
        }

        head.Append("\r\n");
        byte[] bytes = Encoding.Latin1.GetBytes(head.ToString());
        await stream.WriteAsync(headOnly ? bytes : (byte[])[.. bytes, .. answer.Body], cancellation).ConfigureAwait(false);
    }
}
