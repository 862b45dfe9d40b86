using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Encls;

/// <summary>SDM 3D, EAUG, in the order of its checks.</summary>
[TestsOf(typeof(Processor.Encls.Eaug))]
public class EaugTests
{
    private readonly World world = new();
    private readonly TestEnclave enclave;
    private readonly EpcPage free = new(63);

    public EaugTests() => enclave = TestEnclave.Built(world);

    private LeafResult Augment(ulong offset = TestEnclave.FreeOffset, EpcPage? secs = null, EpcPage? page = null, Secinfo? secinfo = null)
        => Eaug.Execute(world.Machine, secs ?? enclave.Secs, enclave.Base + offset, secinfo, page ?? free);

    [Fact]
    public void It_is_not_offered_without_sgx2()
    {
        var other = new World(new MachineOptions { Sgx2 = false });
        TestEnclave plain = TestEnclave.Built(other);
        Expect.GeneralProtection(Eaug.Execute(other.Machine, plain.Secs, plain.Base + TestEnclave.FreeOffset, null, free));
    }

    [Fact]
    public void A_page_outside_the_epc_faults() => Expect.PageFault(Augment(page: new EpcPage(64)));

    [Fact]
    public void An_address_that_is_not_a_page_is_refused() => Expect.GeneralProtection(Augment(TestEnclave.FreeOffset + 8));

    [Fact]
    public void A_secs_outside_the_epc_or_a_valid_page_faults()
    {
        Expect.PageFault(Augment(secs: new EpcPage(64)));
        Expect.PageFault(Augment(secs: new EpcPage(64), secinfo: new Secinfo(SecinfoFlags.SsFirst)));
        Expect.PageFault(Augment(page: enclave.Data));
    }

    [Theory]
    [InlineData(SecinfoFlags.SsFirst)]
    [InlineData(SecinfoFlags.SsRest)]
    [InlineData(SecinfoFlags.Reg)]
    public void A_secinfo_is_refused_without_cet(SecinfoFlags type)
        => Expect.GeneralProtection(Augment(secinfo: new Secinfo(type | SecinfoFlags.R | SecinfoFlags.W)));

    [Fact]
    public void A_page_that_is_no_secs_faults()
    {
        Expect.PageFault(Augment(secs: enclave.Data));
        Expect.PageFault(Augment(secs: new EpcPage(62)));
    }

    [Fact]
    public void An_enclave_that_is_not_initialised_is_refused()
    {
        var young = new TestEnclave(world, origin: TestEnclave.DefaultBase + 0x100000);
        Expect.GeneralProtection(Eaug.Execute(world.Machine, young.Secs, young.Base, null, free));
    }

    [Fact]
    public void An_address_outside_the_enclave_is_refused() => Expect.GeneralProtection(Augment(TestEnclave.Size));

    [Fact]
    public void The_page_is_zero_and_pending()
    {
        world.Machine.Memory[free].Fill(0xff);
        Expect.Success(Augment());
        Assert.Equal(new byte[4096], world.Machine.Memory[free].ToArray());
        ref readonly EpcmEntry entry = ref world.Epcm(free);
        Assert.True(
            entry is { Valid: true, PageType: PageType.Reg, R: true, W: true, X: false, Pending: true, Modified: false, Pr: false, Blocked: false });
        Assert.Equal((enclave.Secs, enclave.Base + TestEnclave.FreeOffset), (entry.EnclaveSecs, entry.EnclaveAddress));
    }
}
