using System.Net.Sockets;
using Cloister.Attestation.Services;

namespace Cloister.Cli.Platforms;

/// <summary>A service that begins when it is first asked for; when it cannot, that is said once, and it is not tried again.</summary>
/// <param name="what">Its name, for that line.</param>
/// <param name="begin">Begins it, and gives where it is.</param>
/// <param name="notice">Hears the line.</param>
internal sealed class StartedService<T>(string what, Func<(ConnectionServer Server, T Place)> begin, Action<string> notice) : IDisposable
    where T : class
{
    private ConnectionServer? _server;
    private T? _place;
    private bool _isTried;

    /// <summary>Where it is; null when it cannot be.</summary>
    public T? Place
    {
        get
        {
            if (!_isTried)
            {
                _isTried = true;
                try
                {
                    (_server, _place) = begin();
                }
                catch (Exception e) when (e is SocketException or IOException)
                {
                    notice($"{what} cannot be served: {e.Message.ReplaceLineEndings(" ")}");
                }
            }

            return _place;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _server?.Dispose();
}
