using System.Net.Sockets;

namespace Cloister.Attestation.Services;

/// <summary>
/// Takes connections and serves each by itself, on threads of the pool: one that says nothing costs a descriptor until its time is up, and
/// keeps nobody waiting. What goes wrong in one ends that one.
/// </summary>
public sealed class ConnectionServer : IDisposable
{
    private const int Backlog = 4096;

    // Intel's client waits as long. linux-sgx, psw/uae_service/config.h, IPC_LATENCY.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15), s_pause = TimeSpan.FromMilliseconds(50);

    private readonly Socket _listener;
    private readonly Func<Stream, CancellationToken, Task> _serve;
    private readonly TimeSpan _longest;
    private readonly int _most;
    private int _open;
    private readonly CancellationTokenSource _end = new();

    private ConnectionServer(Socket listener, Func<Stream, CancellationToken, Task> serve, TimeSpan longest, int most) =>
        (_listener, _serve, _longest, _most) = (listener, serve, longest, most);

    /// <summary>Begins to take connections.</summary>
    /// <param name="listener">A socket that listens; it is the server's from now on.</param>
    /// <param name="serve">Serves one connection.</param>
    /// <param name="patience">How long one may last in all; 15 seconds where nothing is said.</param>
    /// <param name="most">How many are served at once; one more is closed as it comes.</param>
    public static ConnectionServer Begin(Socket listener, Func<Stream, CancellationToken, Task> serve, TimeSpan? patience = null,
        int most = int.MaxValue)
    {
        var server = new ConnectionServer(listener, serve, patience ?? s_patience, most);
        _ = Task.Run(server.Accept);
        return server;
    }

    /// <summary>Begins to take connections at a UNIX socket.</summary>
    /// <param name="path">Its path; with a zero in front its abstract name.</param>
    /// <param name="serve">Serves one connection.</param>
    /// <exception cref="SocketException">There is something at the path, or it may not be made.</exception>
    public static ConnectionServer Begin(string path, Func<Stream, CancellationToken, Task> serve)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen(Backlog);
        }
        catch
        {
            listener.Dispose();
            throw;
        }

        return Begin(listener, serve);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
        _end.Dispose();
    }

    private async Task Accept()
    {
        while (true)
        {
            try
            {
                Socket connection = await _listener.AcceptAsync(_end.Token).ConfigureAwait(false);
                _ = Task.Run(() => Serve(connection));
            }
            catch (SocketException)
            {
                // No descriptor is left, or the other side is gone already.
                await Task.Delay(s_pause).ConfigureAwait(false);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task Serve(Socket connection)
    {
        try
        {
            using var stream = new NetworkStream(connection, ownsSocket: true);
            if (Interlocked.Increment(ref _open) <= _most)
            {
                using var patience = new CancellationTokenSource(_longest);
                await _serve(stream, patience.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The other side is gone, or says nothing.
        }
        finally
        {
            _ = Interlocked.Decrement(ref _open);
        }
    }
}
