using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Encls;

/// <summary>SDM 3D, ETRACK and ETRACKC, in the order of their checks; and "Tracking".</summary>
[TestsOf(typeof(Processor.Encls.Etrack), typeof(Processor.Encls.Etrackc))]
public class EtrackTests
{
    private readonly World world = new();

    [Fact]
    public void Etrack_of_a_page_that_is_no_secs_faults()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        Expect.PageFault(Etrack.Execute(world.Machine, new EpcPage(64)));
        Expect.PageFault(Etrack.Execute(world.Machine, new EpcPage(63)));
        Expect.PageFault(Etrack.Execute(world.Machine, enclave.Data));
    }

    [Fact]
    public void Etrackc_takes_any_page_of_the_enclave()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        Expect.PageFault(Etrackc.Execute(world.Machine, new EpcPage(64)));
        Expect.Error(SgxError.PgInvld, Etrackc.Execute(world.Machine, new EpcPage(63)));
        Expect.Error(SgxError.TrackNotRequired, Etrackc.Execute(world.Machine, world.VersionArray()));
        uint before = world.Machine.EnclaveOf(enclave.Secs).Epoch;
        Expect.Success(Etrackc.Execute(world.Machine, enclave.Data));
        Expect.Success(Etrackc.Execute(world.Machine, enclave.Secs));
        Assert.Equal(before + 2, world.Machine.EnclaveOf(enclave.Secs).Epoch);
    }

    [Fact]
    public void Etrackc_is_not_offered_without_the_oversubscription_leaves()
    {
        var other = new World(new MachineOptions { Oversubscription = false });
        Expect.GeneralProtection(Etrackc.Execute(other.Machine, other.FreePage()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_cycle_must_be_over_before_the_next_begins(bool byAnyPage)
    {
        TestEnclave enclave = TestEnclave.Built(world);
        LeafResult Track() => byAnyPage ? Etrackc.Execute(world.Machine, enclave.Data) : Etrack.Execute(world.Machine, enclave.Secs);
        enclave.Enter();
        Expect.Success(Track());
        Expect.Error(SgxError.PrevTrkIncmpl, Track());
        var second = new LogicalProcessor();
        enclave.Enter(second, second: true);
        Expect.Error(SgxError.PrevTrkIncmpl, Track());
        enclave.Exit();
        Expect.Success(Track());
    }

    [Fact]
    public void A_thread_of_one_enclave_does_not_hold_up_another()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        TestEnclave other = TestEnclave.Built(world, origin: TestEnclave.DefaultBase + 0x100000);
        enclave.Enter();
        Expect.Success(Etrack.Execute(world.Machine, other.Secs));
        Expect.Success(Etrack.Execute(world.Machine, other.Secs));
    }
}
