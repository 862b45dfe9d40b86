using Cloister.Cli.Running;
using Cloister.Engine.Options;

namespace Cloister.Cli.Tests.Running;

public class NodeTextTests
{
    [Fact]
    public void Each_node_has_owner_group_and_mode()
    {
        DeviceNodeOptions options = NodeText.Read("enclave=0:4242:0660,vepc=root:0:600", new DeviceNodeOptions(), out string? problem);
        Assert.Null(problem);
        Assert.Equal(new DeviceAccess(0, 4242, 0x1b0), options.Enclave);
        Assert.Equal(new DeviceAccess(0, 0, 0x180), options.VirtualEpc);
        Assert.Equal(DeviceAccess.All, options.Provision);
    }

    [Theory]
    [InlineData("")]
    [InlineData("enclave")]
    [InlineData("enclave=0:0")]
    [InlineData("enclave=0:0:0:0")]
    [InlineData("enclave=0:0:")]
    [InlineData("enclave=0:0:8")]
    [InlineData("enclave=0:0:1000")]
    [InlineData("enclave=0:0:77777777777777")]
    [InlineData("enclave=-1:0:666")]
    [InlineData("enclave=no such user:0:666")]
    [InlineData("enclave=0:no such group:666")]
    [InlineData("isgx=0:0:666")]
    [InlineData("enclave=0:0:666,")]
    public void Anything_else_is_a_problem_and_changes_nothing(string text)
    {
        var before = new DeviceNodeOptions();
        Assert.Same(before, NodeText.Read(text, before, out string? problem));
        Assert.StartsWith("--nodes ", problem, StringComparison.Ordinal);
    }
}
