using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Encls;

/// <summary>SDM 3D, EBLOCK, in the order of its checks.</summary>
[TestsOf(typeof(Processor.Encls.Eblock))]
public class EblockTests
{
    private readonly World world = new();

    [Fact]
    public void A_page_outside_the_epc_faults() => Expect.PageFault(Eblock.Execute(world.Machine, new EpcPage(64)));

    [Fact]
    public void A_page_that_is_not_valid_is_told() => Expect.Error(SgxError.PgInvld, Eblock.Execute(world.Machine, new EpcPage(0)));

    [Fact]
    public void A_secs_and_a_version_array_cannot_be_blocked()
    {
        Expect.Error(SgxError.PgIsSecs, Eblock.Execute(world.Machine, new TestEnclave(world).Secs));
        Expect.Error(SgxError.Notblockable, Eblock.Execute(world.Machine, world.VersionArray()));
    }

    [Fact]
    public void A_page_is_blocked_once()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        foreach (EpcPage page in new[] { enclave.Data, enclave.Tcs })
        {
            Expect.Success(Eblock.Execute(world.Machine, page));
            Assert.True(world.Epcm(page).Blocked);
            Expect.Error(SgxError.Blkstate, Eblock.Execute(world.Machine, page));
        }

        Expect.Success(Emodt.Execute(world.Machine, enclave.MoreData, new Secinfo(SecinfoFlags.Trim)));
        Expect.Success(Eblock.Execute(world.Machine, enclave.MoreData));
    }
}
