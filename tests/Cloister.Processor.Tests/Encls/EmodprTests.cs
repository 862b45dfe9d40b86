using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Encls;

/// <summary>SDM 3D, EMODPR, in the order of its checks.</summary>
[TestsOf(typeof(Processor.Encls.Emodpr))]
public class EmodprTests
{
    private readonly World world = new();
    private readonly TestEnclave enclave;

    public EmodprTests() => enclave = TestEnclave.Built(world);

    private LeafResult Restrict(EpcPage page, SecinfoFlags flags = SecinfoFlags.R)
        => Emodpr.Execute(world.Machine, page, new Secinfo(flags));

    [Fact]
    public void It_is_not_offered_without_sgx2()
    {
        var other = new World(new MachineOptions { Sgx2 = false });
        Expect.GeneralProtection(Emodpr.Execute(other.Machine, TestEnclave.Built(other).Data, new Secinfo(SecinfoFlags.R)));
    }

    [Fact]
    public void A_page_outside_the_epc_faults() => Expect.PageFault(Restrict(new EpcPage(64)));

    [Theory]
    [InlineData((SecinfoFlags)0x40)]
    [InlineData(SecinfoFlags.R | (SecinfoFlags)0x20000)]
    [InlineData(SecinfoFlags.W)]
    [InlineData(SecinfoFlags.W | SecinfoFlags.X)]
    public void A_reserved_flag_or_w_without_r_is_refused(SecinfoFlags flags) => Expect.GeneralProtection(Restrict(enclave.Data, flags));

    [Fact]
    public void A_page_that_is_not_valid_faults()
    {
        Expect.PageFault(Restrict(new EpcPage(63)));
        Expect.Success(Eremove.Execute(world.Machine, enclave.Data));
        Expect.PageFault(Restrict(enclave.Data));
    }

    [Fact]
    public void A_pending_or_modified_page_cannot_be_modified()
    {
        Expect.Error(SgxError.PageNotModifiable, Restrict(enclave.Augment(TestEnclave.FreeOffset)));
        Expect.Success(Emodt.Execute(world.Machine, enclave.Data, new Secinfo(SecinfoFlags.Trim)));
        Expect.Error(SgxError.PageNotModifiable, Restrict(enclave.Data));
    }

    [Fact]
    public void A_page_that_is_not_regular_faults()
    {
        Expect.PageFault(Restrict(enclave.Tcs));
        Expect.PageFault(Restrict(enclave.Secs));
        Expect.PageFault(Restrict(world.VersionArray()));
    }

    [Fact]
    public void An_enclave_that_is_not_initialised_is_refused()
    {
        var young = new TestEnclave(world, origin: TestEnclave.DefaultBase + 0x100000);
        Expect.GeneralProtection(Restrict(young.Add(0, SecinfoFlags.Reg | SecinfoFlags.R)));
    }

    [Theory]
    [InlineData(SecinfoFlags.R, SecinfoFlags.R)]
    [InlineData(SecinfoFlags.None, SecinfoFlags.None)]
    [InlineData(SecinfoFlags.R | SecinfoFlags.X, SecinfoFlags.R)]
    [InlineData(SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.X, SecinfoFlags.R | SecinfoFlags.W)]
    public void Permissions_only_shrink_and_wait_to_be_accepted(SecinfoFlags asked, SecinfoFlags left)
    {
        Expect.Success(Restrict(enclave.Data, asked));
        Assert.Equal(SecinfoFlags.Reg | SecinfoFlags.Pr | left, world.Epcm(enclave.Data).SecinfoFlags);
    }
}
