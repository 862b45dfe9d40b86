using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Encls;

/// <summary>SDM 3D, EMODT, in the order of its checks.</summary>
[TestsOf(typeof(Processor.Encls.Emodt))]
public class EmodtTests
{
    private readonly World world = new();
    private readonly TestEnclave enclave;

    public EmodtTests() => enclave = TestEnclave.Built(world);

    private LeafResult Change(EpcPage page, SecinfoFlags flags = SecinfoFlags.Trim)
        => Emodt.Execute(world.Machine, page, new Secinfo(flags));

    [Fact]
    public void It_is_not_offered_without_sgx2()
    {
        var other = new World(new MachineOptions { Sgx2 = false });
        Expect.GeneralProtection(Emodt.Execute(other.Machine, TestEnclave.Built(other).Data, new Secinfo(SecinfoFlags.Trim)));
    }

    [Fact]
    public void A_page_outside_the_epc_faults() => Expect.PageFault(Change(new EpcPage(64)));

    [Theory]
    [InlineData(SecinfoFlags.Reg)]
    [InlineData(SecinfoFlags.None)]
    [InlineData(SecinfoFlags.Va)]
    [InlineData(SecinfoFlags.SsFirst)]
    [InlineData(SecinfoFlags.Trim | (SecinfoFlags)0x80)]
    public void Another_type_or_a_reserved_flag_is_refused(SecinfoFlags flags) => Expect.GeneralProtection(Change(enclave.Data, flags));

    [Fact]
    public void A_page_that_is_not_valid_or_cannot_become_that_type_faults()
    {
        Expect.PageFault(Change(new EpcPage(63)));
        Expect.PageFault(Change(enclave.Secs));
        Expect.PageFault(Change(world.VersionArray()));
        Expect.PageFault(Change(enclave.Tcs, SecinfoFlags.Tcs));
        Expect.Success(Eremove.Execute(world.Machine, enclave.Data));
        Expect.PageFault(Change(enclave.Data));
    }

    [Fact]
    public void A_pending_or_modified_page_cannot_be_modified()
    {
        Expect.Error(SgxError.PageNotModifiable, Change(enclave.Augment(TestEnclave.FreeOffset)));
        Expect.Success(Change(enclave.Data, SecinfoFlags.Tcs));
        Expect.Error(SgxError.PageNotModifiable, Change(enclave.Data));
    }

    [Fact]
    public void A_trimmed_page_faults()
    {
        Expect.Success(Change(enclave.Data));
        Expect.PageFault(Change(enclave.Data));
    }

    [Fact]
    public void An_enclave_that_is_not_initialised_is_refused()
    {
        var young = new TestEnclave(world, origin: TestEnclave.DefaultBase + 0x100000);
        Expect.GeneralProtection(Change(young.Add(0, SecinfoFlags.Reg | SecinfoFlags.R)));
    }

    [Theory]
    [InlineData(SecinfoFlags.Tcs, PageType.Tcs)]
    [InlineData(SecinfoFlags.Trim, PageType.Trim)]
    public void The_page_has_the_type_no_permissions_and_waits_to_be_accepted(SecinfoFlags flags, PageType type)
    {
        Expect.Success(Emodpr.Execute(world.Machine, enclave.Data, new Secinfo(SecinfoFlags.R)));
        Expect.Success(Change(enclave.Data, flags));
        Assert.True(world.Epcm(enclave.Data) is { Modified: true, Pr: false, R: false, W: false, X: false });
        Assert.Equal(type, world.Epcm(enclave.Data).PageType);
    }

    [Fact]
    public void A_tcs_can_be_trimmed()
    {
        Expect.Success(Change(enclave.Tcs));
        Assert.Equal(PageType.Trim, world.Epcm(enclave.Tcs).PageType);
    }
}
