using Cloister.Cli.Grpc;
using Cloister.Linux;

namespace Cloister.Cli.Kubernetes;

/// <summary>
/// One resource's socket among the kubelet's plugins. The kubelet deletes all of them when it starts, and whoever is left makes his anew
/// and registers.
/// </summary>
/// <param name="folder">The kubelet's folder of plugins.</param>
/// <param name="resource">The resource.</param>
/// <param name="useCdi">Whether containers get a device of the container device interface.</param>
internal sealed class PluginSocket(string folder, SgxResource resource, bool useCdi) : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly string _path = Path.Combine(folder, resource.SocketName), _kubelet = Path.Combine(folder, "kubelet.sock");
    private GrpcServer? _server;
    private OwnFile? _own;
    private FileIdentity _registered;

    /// <summary>Makes what is not there: the socket, and what the kubelet that is there now knows of it.</summary>
    /// <returns>Whether it was registered just now; null where no kubelet answers.</returns>
    /// <exception cref="NodeException">The kubelet refuses, or another plugin has the resource.</exception>
    public async Task<bool?> Ensure(CancellationToken cancellation)
    {
        if (!FileIdentity.TryGet(_kubelet, out FileIdentity kubelet))
        {
            return null;
        }

        if (_own is not { IsThere: true })
        {
            await Begin();
            _registered = default;
        }

        if (_registered == kubelet)
        {
            return false;
        }

        try
        {
            byte[] request = DevicePluginMessages.Registration(resource.SocketName, resource.Name);
            _ = await GrpcClient.Call(_kubelet, DevicePluginMessages.Register, request, s_patience, cancellation);
            _registered = kubelet;
            return true;
        }
        catch (GrpcException e)
        {
            return e.Code == GrpcCode.Unavailable ? null
                : throw new NodeException($"the kubelet at {_kubelet} refuses {resource.Name}: {e.Message}", inner: e);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_server is { } server)
        {
            _server = null;
            _own?.Delete();
            await server.DisposeAsync();
        }
    }

    private async Task Begin()
    {
        if (FileIdentity.TryGet(_path, out _) && !SocketAtPath.IsLeft(_path))
        {
            throw new NodeException(
                $"another device plugin {(_server is null ? "is at" : "has taken")} {_path} and serves {resource.Name}: a node has one");
        }

        if (_server is { } former)
        {
            _server = null;
            await former.DisposeAsync();
        }

        try
        {
            File.Delete(_path);
            _server = await GrpcServer.Begin(_path, new DevicePlugin(resource, useCdi).Methods);
            _own = new OwnFile(_path);
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            throw new NodeException($"{_path} cannot be made: {FileProblem.Of(_path, e)}", Failure.InputOutput, e);
        }
    }
}
