using Cloister.Architecture;
using Cloister.Processor.Cpus;

namespace Cloister.Processor.Tests.Cpus;

public class CpuModelsTests
{
    [Theory]
    [InlineData("icelake-server", 6, 106, 6)]
    [InlineData("Icelake-Server", 6, 106, 6)]
    [InlineData("SapphireRapids", 6, 143, 8)]
    [InlineData("emerald_rapids", 6, 207, 2)]
    [InlineData("granite-rapids", 6, 173, 1)]
    [InlineData("coffee-lake", 6, 158, 10)]
    [InlineData("gemini-lake", 6, 122, 1)]
    public void They_are_found_by_every_spelling(string name, uint family, uint number, uint stepping)
    {
        // SDM 4, table 2-1: 06_6AH, 06_8FH, 06_CFH, 06_ADH, 06_9EH, 06_7AH.
        CpuModel model = CpuModels.Find(name)!;
        Assert.Equal((family, number, stepping), (model.Family, model.Model, model.Stepping));
    }

    [Fact]
    public void Each_can_be_told_by_CPUID()
    {
        Assert.Null(CpuModels.Find("z80"));
        Assert.All(CpuModels.All, model =>
        {
            Assert.InRange(model.Brand.Length, 1, 47);
            Assert.InRange(model.HighestLeaf, CpuidSgx.Leaf, 0x24u);
            Assert.All(model.Features, name => Assert.Contains(CpuFeatures.All, feature => feature.Name == name));
            Assert.True(model.Features.IsSupersetOf(["sgx", "sgx_lc", "rdrand", "fsgsbase"]));
        });
    }

    [Fact]
    public void Its_SGX_is_cut_to_what_it_has_and_never_more_than_was_asked_for()
    {
        MachineOptions coffee = new MachineOptions().On(CpuModels.Find("coffee-lake")!);
        Assert.Equal((false, false, false, false), (coffee.Sgx2, coffee.Kss, coffee.AexNotify, coffee.Edeccssa));
        Assert.Equal(0x36u, CpuidSgx.SecsAttributes(coffee.Capabilities).Eax);
        MachineOptions gemini = new MachineOptions().On(CpuModels.Find("gemini-lake")!);
        Assert.Equal((true, false), (gemini.Sgx2, gemini.Kss));
        Assert.False(new MachineOptions { Sgx2 = false }.On(CpuModels.Plain).Sgx2);
    }
}
