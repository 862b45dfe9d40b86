using System.Net.Sockets;
using System.Threading.Channels;
using Cloister.Cli.Tests.Kubernetes.Interface;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Cloister.Cli.Tests.Kubernetes;

/// <summary>
/// The kubelet's side of the device plugins, as pkg/kubelet/cm/devicemanager does it: at its start it empties the folder, then takes
/// registrations, and lists what registered.
/// </summary>
internal sealed class Kubelet : IAsyncDisposable
{
    private readonly string _folder;
    private readonly WebApplication _application;
    private readonly Channel<(string Resource, DevicePlugin.DevicePluginClient Plugin, Device[] Devices)> _registered =
        System.Threading.Channels.Channel.CreateUnbounded<(string, DevicePlugin.DevicePluginClient, Device[])>();
    private readonly List<IDisposable> _open = [];

    private Kubelet(string folder, string? refusal)
    {
        _folder = folder;
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(new Registry(this, refusal));
        builder.WebHost.ConfigureKestrel(
            options => options.ListenUnixSocket(Path.Combine(folder, "kubelet.sock"),
                endpoint => endpoint.Protocols = HttpProtocols.Http2));
        _application = builder.Build();
        _application.MapGrpcService<Service>();
    }

    public static async Task<Kubelet> Start(string folder, string? refusal = null)
    {
        foreach (string file in Directory.GetFiles(folder))
        {
            File.Delete(file);
        }

        var kubelet = new Kubelet(folder, refusal);
        await kubelet._application.StartAsync();
        return kubelet;
    }

    /// <summary>The next that registered, and what it listed.</summary>
    public async Task<(string Resource, DevicePlugin.DevicePluginClient Plugin, Device[] Devices)> Registered()
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        return await _registered.Reader.ReadAsync(late.Token);
    }

    /// <summary>Both of a node's resources, by their names.</summary>
    public async Task<Dictionary<string, (DevicePlugin.DevicePluginClient Plugin, Device[] Devices)>> Both()
    {
        var both = new Dictionary<string, (DevicePlugin.DevicePluginClient, Device[])>();
        while (both.Count < 2)
        {
            (string resource, DevicePlugin.DevicePluginClient plugin, Device[] devices) = await Registered();
            both[resource] = (plugin, devices);
        }

        return both;
    }

    public static DevicePlugin.DevicePluginClient Plugin(string socket, out IDisposable channel)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellation);
                return new NetworkStream(connection, ownsSocket: true);
            },
        };
        GrpcChannel made =
            GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
        channel = made;
        return new DevicePlugin.DevicePluginClient(made);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (IDisposable one in _open)
        {
            one.Dispose();
        }

        await _application.StopAsync(new CancellationToken(canceled: true));
        await _application.DisposeAsync();
    }

    private async Task List(RegisterRequest request)
    {
        DevicePlugin.DevicePluginClient plugin = Plugin(Path.Combine(_folder, request.Endpoint), out IDisposable channel);
        AsyncServerStreamingCall<ListAndWatchResponse> list = plugin.ListAndWatch(new Empty());
        lock (_open)
        {
            _open.AddRange([list, channel]);
        }

        Assert.True(await list.ResponseStream.MoveNext(CancellationToken.None));
        await _registered.Writer.WriteAsync((request.ResourceName, plugin, [.. list.ResponseStream.Current.Devices]));
    }

    private sealed record Registry(Kubelet Kubelet, string? Refusal);

    private sealed class Service(Registry registry) : Registration.RegistrationBase
    {
        public override Task<Empty> Register(RegisterRequest request, ServerCallContext context)
        {
            if (registry.Refusal is { } refusal)
            {
                throw new RpcException(new Status(StatusCode.Unknown, refusal));
            }

            Assert.Equal("v1beta1", request.Version);
            Assert.NotNull(request.Options);
            _ = Task.Run(() => registry.Kubelet.List(request));
            return Task.FromResult(new Empty());
        }
    }
}
