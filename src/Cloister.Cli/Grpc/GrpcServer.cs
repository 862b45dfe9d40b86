using System.Globalization;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Cloister.Cli.Grpc;

/// <summary>Answers gRPC calls at a UNIX socket: the framework's HTTP/2 server, and of gRPC what doc/PROTOCOL-HTTP2.md says.</summary>
internal sealed class GrpcServer : IHttpApplication<IFeatureCollection>, IAsyncDisposable
{
    private const int MostConnections = 64;
    private const UnixFileMode OwnersAlone = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly IReadOnlyDictionary<string, GrpcMethod> _methods;
    private readonly KestrelServer _server;
    private readonly CancellationTokenSource _ended = new();

    private GrpcServer(string path, IReadOnlyDictionary<string, GrpcMethod> methods)
    {
        _methods = methods;
        var options = new KestrelServerOptions { AddServerHeader = false };
        options.Limits.MaxConcurrentConnections = MostConnections;
        options.Limits.MaxRequestBodySize = GrpcFrame.LongestMessage + 5;
        options.ListenUnixSocket(path, endpoint => endpoint.Protocols = HttpProtocols.Http2);
        var transport = new SocketTransportFactory(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance);
        _server = new KestrelServer(Options.Create(options), transport, NullLoggerFactory.Instance);
    }

    /// <summary>Begins to answer.</summary>
    /// <param name="path">The socket, where nothing is yet.</param>
    /// <param name="methods">By their paths: /PACKAGE.SERVICE/METHOD.</param>
    /// <exception cref="IOException">The socket cannot be made.</exception>
    public static async Task<GrpcServer> Begin(string path, IReadOnlyDictionary<string, GrpcMethod> methods)
    {
        var server = new GrpcServer(path, methods);
        try
        {
            await server._server.StartAsync(server, default);
            File.SetUnixFileMode(path, OwnersAlone);
            return server;
        }
        catch (Exception e)
        {
            await server.DisposeAsync();
            throw e is IOException ? e : new IOException($"{path}: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // Streams that never end by themselves end first.
        await _ended.CancelAsync();
        using var now = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await _server.StopAsync(now.Token);
        _server.Dispose();
        _ended.Dispose();
    }

    /// <inheritdoc/>
    public IFeatureCollection CreateContext(IFeatureCollection contextFeatures) => contextFeatures;

    /// <inheritdoc/>
    public void DisposeContext(IFeatureCollection context, Exception? exception)
    {
    }

    /// <inheritdoc/>
    public async Task ProcessRequestAsync(IFeatureCollection context)
    {
        IHttpRequestFeature request = context.GetRequiredFeature<IHttpRequestFeature>();
        IHttpResponseFeature response = context.GetRequiredFeature<IHttpResponseFeature>();
        IHttpResponseBodyFeature body = context.GetRequiredFeature<IHttpResponseBodyFeature>();
        if (request.Method != "POST" || request.Headers.ContentType.ToString()
            .StartsWith(GrpcFrame.ContentType, StringComparison.Ordinal) is false)
        {
            response.StatusCode = 415;
            return;
        }

        response.Headers.ContentType = GrpcFrame.ContentType;
        (GrpcCode code, string message) = (GrpcCode.Ok, "");
        try
        {
            using var gone =
                CancellationTokenSource.CreateLinkedTokenSource(
                    context.GetRequiredFeature<IHttpRequestLifetimeFeature>().RequestAborted, _ended.Token);
            await Answer(request, body, gone.Token);
        }
        catch (GrpcException e)
        {
            (code, message) = (e.Code, e.Message);
        }
        catch (OperationCanceledException)
        {
            (code, message) = (GrpcCode.Unavailable, "this end goes away");
        }
        catch (IOException e)
        {
            (code, message) = (GrpcCode.Internal, e.Message);
        }
        catch (Exception e)
        {
            _ = Failure.Debugging ? Failure.Report(e) : 0;
            (code, message) = (GrpcCode.Internal, e.GetType().Name);
        }

        // Where nothing was sent yet, what goes into the trailers otherwise is in the head: Trailers-Only.
        Microsoft.AspNetCore.Http.IHeaderDictionary trailers = response.HasStarted
            ? context.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers : response.Headers;
        trailers["grpc-status"] = ((int)code).ToString(CultureInfo.InvariantCulture);
        if (message.Length > 0)
        {
            trailers["grpc-message"] = Uri.EscapeDataString(message).Replace("%20", " ", StringComparison.Ordinal);
        }

        await body.CompleteAsync();
    }

    private async Task Answer(IHttpRequestFeature request, IHttpResponseBodyFeature body, CancellationToken cancellation)
    {
        if (!_methods.TryGetValue(request.Path, out GrpcMethod? method))
        {
            throw new GrpcException(GrpcCode.Unimplemented, $"there is no method {PrintableText.Of(request.Path)}");
        }

        byte[] message = await GrpcFrame.Read(request.Body, cancellation)
            ?? throw new GrpcException(GrpcCode.Internal, "a call without a message");
        await foreach (byte[] answer in method(message, cancellation).WithCancellation(cancellation))
        {
            await body.Writer.WriteAsync(GrpcFrame.Of(answer), cancellation);
        }
    }
}
