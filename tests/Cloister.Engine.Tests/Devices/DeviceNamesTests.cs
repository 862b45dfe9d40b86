using Cloister.Driver;
using Cloister.Engine.Devices;
using Cloister.Engine.Options;

namespace Cloister.Engine.Tests.Devices;

public class DeviceNamesTests
{
    // What each generation has: E enclave, P provision, V virtual EPC, in the order of the paths below.
    private static readonly string[] Paths =
        ["/dev/isgx", "/dev/sgx", "/dev/sgx_enclave", "/dev/sgx/enclave", "/dev/sgx_provision", "/dev/sgx/provision", "/dev/sgx_vepc",
            "/dev/sgx_enclave2", "/tmp/dev/sgx_enclave", "/dev/sgx/"];

    [Theory]
    [InlineData(Generation.Isgx, "E")]
    [InlineData(Generation.V16, " E")]
    [InlineData(Generation.RfcEnclu, " E")]
    [InlineData(Generation.V5_11, "  EEPP")]
    [InlineData(Generation.EdmmV1, "  EEPPV")]
    [InlineData(Generation.EdmmV2, "  EEPPV")]
    [InlineData(Generation.EdmmAugment, "  EEPPV")]
    [InlineData(Generation.EdmmV3, "  EEPPV")]
    [InlineData(Generation.V6_0, "  EEPPV")]
    public void Each_generation_has_its_nodes(Generation generation, string nodes)
    {
        string found = string.Concat(Paths.Select(path => DeviceNames.Find(generation, path) switch
        {
            DeviceNode.Enclave => 'E',
            DeviceNode.Provision => 'P',
            DeviceNode.VirtualEpc => 'V',
            _ => ' ',
        }));
        Assert.Equal(nodes.PadRight(Paths.Length), found);
    }

    [Fact]
    public void Every_generation_has_an_enclave_node() =>
        Assert.All(Enum.GetValues<Generation>(),
            generation => Assert.Contains(Paths, path => DeviceNames.Find(generation, path) == DeviceNode.Enclave));
}
