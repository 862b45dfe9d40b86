using Cloister.Engine.Options;

namespace Cloister.Engine.Tests.Options;

public class DeviceNodeOptionsTests
{
    [Fact]
    public void Each_node_has_what_was_said_of_it()
    {
        DeviceAccess enclave = new(0, 1, 0x1b0), provision = new(0, 2, 0x1a0), virtualEpc = new(3, 4, 0x180);
        var options = new DeviceNodeOptions { Enclave = enclave, Provision = provision, VirtualEpc = virtualEpc };

        Assert.Equal(enclave, options.Of(DeviceNode.Enclave));
        Assert.Equal(provision, options.Of(DeviceNode.Provision));
        Assert.Equal(virtualEpc, options.Of(DeviceNode.VirtualEpc));
        Assert.Equal(DeviceAccess.All, new DeviceNodeOptions().Of(DeviceNode.Provision));
    }
}
