using System.Text.Json.Nodes;
using Cloister.Cli.Containers;
using Cloister.Cli.Kubernetes;
using Cloister.Cli.Tests.Harness;
using Cloister.Cli.Tests.Kubernetes.Interface;
using Grpc.Core;
using PluginClient = Cloister.Cli.Tests.Kubernetes.Interface.DevicePlugin.DevicePluginClient;

namespace Cloister.Cli.Tests.Kubernetes;

public sealed class NodeServiceTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<string> _said = [];

    private string Plugins => Directory.CreateDirectory(Path.Combine(_directory.Path, "p")).FullName;

    private string Cdi => Path.Combine(_directory.Path, "cdi");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_node_has_both_resources_and_containers_get_a_variable_and_a_device()
    {
        await using Kubelet kubelet = await Kubelet.Start(Plugins);
        await using Running node = Run(Settings(enclaves: 3));
        var both = await kubelet.Both();
        Assert.Equal(["sgx-enclave-0", "sgx-enclave-1", "sgx-enclave-2"],
            both["sgx.intel.com/enclave"].Devices.Select(device => device.ID));
        Assert.Equal(110, both["sgx.intel.com/provision"].Devices.Length);
        Assert.All(both.Values.SelectMany(one => one.Devices), device => Assert.Equal("Healthy", device.Health));

        PluginClient plugin = both["sgx.intel.com/enclave"].Plugin;
        Assert.Equal(new DevicePluginOptions(), await plugin.GetDevicePluginOptionsAsync(new Empty()));
        AllocateResponse answer = await plugin.AllocateAsync(Request(["sgx-enclave-0"], ["sgx-enclave-2", "sgx-enclave-1"]));
        Assert.Equal(2, answer.ContainerResponses.Count);
        Assert.All(answer.ContainerResponses, container =>
        {
            Assert.Equal(new Dictionary<string, string> { ["CLOISTER_SGX_ENCLAVE"] = "1" }, container.Envs);
            Assert.Equal(["cloister.dev/sgx=enclave"], container.CdiDevices.Select(device => device.Name));
            Assert.Empty(container.Devices);
        });
        Assert.Equal(new PreStartContainerResponse(),
            await plugin.PreStartContainerAsync(new PreStartContainerRequest { DevicesIds = { "sgx-enclave-0" } }));
        PreferredAllocationResponse preferred = await plugin.GetPreferredAllocationAsync(new PreferredAllocationRequest
        {
            ContainerRequests =
            {
                new ContainerPreferredAllocationRequest
                {
                    AvailableDeviceIDs = { "sgx-enclave-0", "sgx-enclave-1", "sgx-enclave-2" },
                    MustIncludeDeviceIDs = { "sgx-enclave-2" },
                    AllocationSize = 2,
                },
            },
        });
        Assert.Equal(["sgx-enclave-2", "sgx-enclave-0"], Assert.Single(preferred.ContainerResponses).DeviceIDs);

        var file = (JsonObject)JsonNode.Parse(File.ReadAllText(Path.Combine(Cdi, "cloister.dev-sgx.json")))!;
        Assert.Equal("cloister.dev/sgx", (string?)file["kind"]);
        Assert.Equal(["enclave", "provision"], file["devices"]!.AsArray().Select(device => (string)device!["name"]!));
    }

    [Fact]
    public async Task Nothing_is_left_where_it_ended()
    {
        await using Kubelet kubelet = await Kubelet.Start(Plugins);
        await using (Running node = Run(Settings()))
        {
            _ = await kubelet.Both();
            await node.Until(() => File.Exists(Path.Combine(_directory.Path, "books", "total")));
        }

        Assert.Equal(["kubelet.sock"], Directory.GetFileSystemEntries(Plugins).Select(Path.GetFileName));
        Assert.Empty(Directory.GetFileSystemEntries(Cdi));
        Assert.False(Directory.Exists(Path.Combine(_directory.Path, "books")));
    }

    [Fact]
    public async Task It_registers_anew_with_each_of_a_hundred_kubelets()
    {
        await using Running node = Run(Settings());
        for (int i = 0; i < 100; i++)
        {
            await using Kubelet kubelet = await Kubelet.Start(Plugins);
            var both = await kubelet.Both();
            string kind = i % 2 == 0 ? "enclave" : "provision";
            AllocateResponse answer = await both[$"sgx.intel.com/{kind}"].Plugin.AllocateAsync(Request([$"sgx-{kind}-{i}"]));
            Assert.Single(answer.ContainerResponses);
        }
    }

    [Fact]
    public async Task A_kubelet_that_is_gone_is_waited_for()
    {
        await using Running node = Run(Settings());
        await node.Until(() => _said.Count > 0);
        Assert.Equal([$"waiting for a kubelet at {Plugins}"], _said);
        await using Kubelet kubelet = await Kubelet.Start(Plugins);
        Assert.Equal(2, (await kubelet.Both()).Count);
    }

    [Theory]
    [InlineData("sgx-enclave-110", StatusCode.NotFound)]
    [InlineData("sgx-enclave-00", StatusCode.NotFound)]
    [InlineData("sgx-enclave--1", StatusCode.NotFound)]
    [InlineData("sgx-provision-0", StatusCode.NotFound)]
    [InlineData("", StatusCode.NotFound)]
    [InlineData("sgx-enclave-99999999999999999999", StatusCode.NotFound)]
    [InlineData("../\u001b[2J", StatusCode.NotFound)]
    [InlineData("sgx-enclave-7,sgx-enclave-7", StatusCode.InvalidArgument)]
    public async Task What_is_not_there_is_not_allocated(string devices, StatusCode expected)
    {
        await using Kubelet kubelet = await Kubelet.Start(Plugins);
        await using Running node = Run(Settings());
        PluginClient plugin = (await kubelet.Both())["sgx.intel.com/enclave"].Plugin;
        RpcException error = await Assert.ThrowsAsync<RpcException>(async () => await plugin.AllocateAsync(Request(devices.Split(','))));
        Assert.Equal(expected, error.StatusCode);
        Assert.StartsWith("sgx.intel.com/enclave: ", error.Status.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain(error.Status.Detail, char.IsControl);
        error = await Assert.ThrowsAsync<RpcException>(async () => await plugin.GetPreferredAllocationAsync(new PreferredAllocationRequest
        {
            ContainerRequests =
            { new ContainerPreferredAllocationRequest { AvailableDeviceIDs = { "sgx-enclave-0" }, AllocationSize = -2 } },
        }));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
    }

    [Fact]
    public async Task A_second_plugin_says_so_in_a_line_and_changes_nothing()
    {
        await using Kubelet kubelet = await Kubelet.Start(Plugins);
        await using Running node = Run(Settings());
        var both = await kubelet.Both();
        await node.Until(() => File.Exists(Path.Combine(_directory.Path, "books", "total")));
        NodeException error =
            await Assert.ThrowsAsync<NodeException>(() => new NodeService(Settings(enclaves: 1), _ => { }).Run(CancellationToken.None));
        Assert.Equal($"another device plugin is at {Plugins}/sgx.intel.com-enclave.sock and serves sgx.intel.com/enclave: a node has one",
            error.Message);
        Assert.True(File.Exists(Path.Combine(Cdi, "cloister.dev-sgx.json")));
        Assert.True(File.Exists(Path.Combine(_directory.Path, "books", "total")));
        Assert.Single((await both["sgx.intel.com/enclave"].Plugin.AllocateAsync(Request(["sgx-enclave-9"]))).ContainerResponses);
    }

    [Fact]
    public async Task What_a_killed_plugin_left_is_no_plugin()
    {
        await using Kubelet kubelet = await Kubelet.Start(Plugins);
        using (var left = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, 0))
        {
            // Bound and not listening, which nobody can connect to.
            left.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(Path.Combine(Plugins, "sgx.intel.com-enclave.sock")));
            await using Running node = Run(Settings());
            Assert.Equal(2, (await kubelet.Both()).Count);
        }
    }

    [Fact]
    public async Task A_kubelet_that_refuses_is_an_error_in_its_own_words()
    {
        await using Kubelet kubelet =
            await Kubelet.Start(Plugins, "requested API version \"v1beta1\" is not supported\nby this 50% kubelet");
        NodeException error =
            await Assert.ThrowsAsync<NodeException>(() => new NodeService(Settings(), _ => { }).Run(CancellationToken.None));
        Assert.Equal(
            $"the kubelet at {Plugins}/kubelet.sock refuses sgx.intel.com/enclave: requested API version \"v1beta1\" is not supported?by this 50% kubelet", error.Message);
        Assert.False(File.Exists(Path.Combine(Cdi, "cloister.dev-sgx.json")));
    }

    private Running Run(PluginSettings settings) => new(new NodeService(settings, _said.Add));

    private static AllocateRequest Request(params string[][] containers)
    {
        var request = new AllocateRequest();
        request.ContainerRequests.AddRange(containers.Select(devices =>
        {
            var container = new ContainerAllocateRequest();
            container.DevicesIds.AddRange(devices);
            return container;
        }));
        return request;
    }

    private PluginSettings Settings(int enclaves = SgxResource.UsualCount) => new()
    {
        Folder = Plugins,
        CdiFolder = Cdi,
        Resources = [new SgxResource("enclave", enclaves), new SgxResource("provision", SgxResource.UsualCount)],
        Epc = 1 << 30,
        Ledger = new EpcLedger(Path.Combine(_directory.Path, "books")),
        Pause = TimeSpan.FromMilliseconds(5),
    };

    private sealed class Running : IAsyncDisposable
    {
        private readonly CancellationTokenSource _end = new();
        private readonly Task _task;

        public Running(NodeService service) => _task = Task.Run(() => service.Run(_end.Token));

        public async Task Until(Func<bool> condition)
        {
            for (int i = 0; i < 3000 && !condition(); i++)
            {
                await Task.WhenAny(_task, Task.Delay(10));
            }

            Assert.True(condition());
        }

        public async ValueTask DisposeAsync()
        {
            await _end.CancelAsync();
            await _task;
            _end.Dispose();
        }
    }
}
