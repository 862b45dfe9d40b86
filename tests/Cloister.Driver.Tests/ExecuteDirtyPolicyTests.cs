using Cloister.Driver.Tests.Harness;
using Cloister.Processor;

namespace Cloister.Driver.Tests;

public class ExecuteDirtyPolicyTests
{
    private static readonly string First = new('1', 64);
    private static readonly string Second = new('a', 64);

    [Fact]
    public void It_names_enclaves_by_either_of_their_digests()
    {
        var policy = new ExecuteDirtyPolicy();
        Assert.Equal(0, policy.Add($"# ours\n\nmrenclave {First}\n  mrsigner\t{Second.ToUpperInvariant()}\r\n"));
        byte[] first = Convert.FromHexString(First), second = Convert.FromHexString(Second), none = new byte[32];
        Assert.True(policy.Names(first, none));
        Assert.True(policy.Names(none, second));
        Assert.False(policy.Names(second, first));
    }

    [Theory]
    [InlineData("everybody", 1)]
    [InlineData("\nmrenclave", 2)]
    [InlineData("mrenclave 00ff", 1)]
    [InlineData("mrowner 1111111111111111111111111111111111111111111111111111111111111111", 1)]
    [InlineData("mrsigner g111111111111111111111111111111111111111111111111111111111111111", 1)]
    public void A_line_that_is_not_understood_adds_nothing(string line, int number)
    {
        var policy = new ExecuteDirtyPolicy();
        Assert.Equal(number, policy.Add($"{line}\nmrenclave {First}"));
        Assert.False(policy.Names(Convert.FromHexString(First), new byte[32]));
    }

    [Theory]
    [InlineData(Generation.EdmmV2, true)]
    [InlineData(Generation.V6_0, false)]
    [InlineData(Generation.Isgx, false)]
    public void The_key_is_there_in_EDMM_only(Generation generation, bool exists)
    {
        var machine = TestMachine.Of(generation);
        Assert.Equal(exists ? DriverError.None : DriverError.ENODEV, machine.Driver.AddExecuteDirtyKey($"mrenclave {First}"));
        Assert.Equal(exists ? DriverError.EINVAL : DriverError.ENODEV, machine.Driver.AddExecuteDirtyKey("nonsense"));
    }

    // V2 is of February 2022, the populate operation an RFC of March, V3 of April, which has it not; nor has Linux 6.12
    // (sgx_mmap: VM_PFNMAP and VM_IO).
    [Theory]
    [InlineData(Generation.V5_11, false)]
    [InlineData(Generation.EdmmV1, false)]
    [InlineData(Generation.EdmmV2, false)]
    [InlineData(Generation.EdmmAugment, true)]
    [InlineData(Generation.EdmmV3, false)]
    [InlineData(Generation.V6_0, false)]
    public void Pages_come_before_they_are_touched_in_the_rfc_only(Generation generation, bool populates)
    {
        var machine = TestMachine.Of(generation);
        var image = new EnclaveImage();
        var enclave = machine.Build(image);
        int before = enclave.PageCount;
        var start = image.At(image.HeapPages + 40);
        Assert.Equal(
            DriverError.None,
            machine.Driver.Populate(enclave, machine.Program, start, start + 4 * 4096, Protection.Read | Protection.Write));
        Assert.Equal(before + (populates ? 4 : 0), enclave.PageCount);
        Assert.Equal(populates, machine.Program.Walk(start, AccessKind.Read) != PageWalk.NotPresent);
    }

    [Fact]
    public void Populating_ends_where_there_is_no_room()
    {
        var machine = TestMachine.Of(Generation.EdmmAugment, epcPages: 64);
        var image = new EnclaveImage();
        var enclave = machine.Build(image);
        var start = image.At(image.HeapPages + 40);
        Assert.Equal(
            DriverError.EBUSY,
            machine.Driver.Populate(enclave, machine.Program, start, start + 70 * 4096, Protection.Read | Protection.Write));
        Assert.Equal(0, machine.Statistics.Evictions);
    }
}
