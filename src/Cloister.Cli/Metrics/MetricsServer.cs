using System.Net;
using System.Net.Sockets;
using Cloister.Attestation.Services;

namespace Cloister.Cli.Metrics;

/// <summary>Serves metrics by HTTP to whoever can connect: GET /metrics, and nothing else.</summary>
internal sealed class MetricsServer : IDisposable
{
    private const int MostConnections = 16;
    private static readonly TimeSpan s_answer = TimeSpan.FromSeconds(8);

    private readonly Func<CancellationToken, Task<byte[]>> _metrics;
    private readonly ConnectionServer _server;

    private MetricsServer(IPEndPoint place, Func<CancellationToken, Task<byte[]>> metrics)
    {
        _metrics = metrics;
        _server = HttpServer.Begin(place, Get, MostConnections, out IPEndPoint bound);
        Place = bound;
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint Place { get; }

    /// <summary>Begins to serve.</summary>
    /// <param name="place">Where; with port 0 one that is free.</param>
    /// <param name="metrics">Makes the text.</param>
    /// <param name="problem">What is wrong with the place, or null.</param>
    public static MetricsServer? Begin(IPEndPoint place, Func<CancellationToken, Task<byte[]>> metrics, out string? problem)
    {
        try
        {
            problem = null;
            return new MetricsServer(place, metrics);
        }
        catch (SocketException refused)
        {
            problem = ListenAddress.ProblemOf(refused);
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _server.Dispose();

    private async Task<HttpAnswer> Get(string target, CancellationToken cancellation)
    {
        if (target.Split('?')[0] != "/metrics")
        {
            return HttpAnswer.Error(404, "there is /metrics");
        }

        try
        {
            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            waiting.CancelAfter(s_answer);
            return new HttpAnswer(200, MetricsText.ContentType, await _metrics(waiting.Token).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            return HttpAnswer.Error(503, "the run is ending, or nothing of it stops");
        }
    }
}
