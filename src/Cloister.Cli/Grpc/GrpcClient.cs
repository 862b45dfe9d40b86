using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace Cloister.Cli.Grpc;

/// <summary>Calls a method of gRPC at a UNIX socket: the framework's HTTP/2 client.</summary>
internal static class GrpcClient
{
    /// <summary>Calls a method that answers with one message.</summary>
    /// <param name="socket">The socket's path.</param>
    /// <param name="method">/PACKAGE.SERVICE/METHOD.</param>
    /// <param name="message">The request.</param>
    /// <param name="patience">How long an answer may take.</param>
    /// <param name="cancellation">Ends the call.</param>
    /// <exception cref="GrpcException">It did not do it, or nobody is there.</exception>
    public static async Task<byte[]> Call(string socket, string method, ReadOnlyMemory<byte> message, TimeSpan patience,
        CancellationToken cancellation)
    {
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = (_, token) => Connect(socket, token),
            UseProxy = false,
            AllowAutoRedirect = false,
        };
        using var client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        using var request = new HttpRequestMessage(HttpMethod.Post, "http://localhost" + method)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(GrpcFrame.Of(message.Span)),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(GrpcFrame.ContentType);
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        late.CancelAfter(patience);
        try
        {
            using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, late.Token);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                throw new GrpcException(GrpcCode.Unknown, $"HTTP status {(int)response.StatusCode}");
            }

            using Stream body = await response.Content.ReadAsStreamAsync(late.Token);
            byte[]? answer = await GrpcFrame.Read(body, late.Token);
            _ = answer is null ? 0 : await body.ReadAsync(new byte[1], late.Token); // to the trailers
            Status(response.Headers.Contains("grpc-status") ? response.Headers : response.TrailingHeaders);
            return answer ?? throw new GrpcException(GrpcCode.Internal, "an answer without a message");
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new GrpcException(GrpcCode.Unavailable, $"no answer within {patience.TotalSeconds} s", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new GrpcException(GrpcCode.Unavailable, (e.InnerException as SocketException ?? e).Message.ReplaceLineEndings(" "), e);
        }
    }

    private static void Status(HttpResponseHeaders headers)
    {
        string text = headers.TryGetValues("grpc-status", out IEnumerable<string>? values) ? values.First() : "";
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int code))
        {
            throw new GrpcException(GrpcCode.Unknown, "an answer without a status");
        }

        if (code != 0)
        {
            string message = headers.TryGetValues("grpc-message", out values) ? Uri.UnescapeDataString(string.Join(' ', values)) : "";
            throw new GrpcException((GrpcCode)code, message.Length > 0 ? PrintableText.Of(message) : $"status {code}");
        }
    }

    private static async ValueTask<Stream> Connect(string path, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
