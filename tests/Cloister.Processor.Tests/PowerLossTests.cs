using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests;

/// <summary>SDM 3D, "Interactions with S States": what is in the EPC is gone after S3.</summary>
public class PowerLossTests
{
    private readonly World world = new();

    [Fact]
    public void No_page_is_valid_and_every_leaf_on_an_old_one_says_so()
    {
        var enclave = TestEnclave.Built(world);
        EpcPage versions = world.VersionArray();
        world.Machine.LosePower();
        Assert.Equal(0, world.Machine.ValidPages);
        Assert.All(Enumerable.Range(0, world.Machine.Epcm.PageCount), index => Assert.False(world.Epcm(new EpcPage(index)).Valid));
        Assert.Equal(LeafResult.PageFault, Etrack.Execute(world.Machine, enclave.Secs));
        Assert.Equal(LeafResult.Of(SgxError.PgInvld), Eblock.Execute(world.Machine, enclave.Data));
        Assert.Equal(LeafResult.PageFault, Ewb.Execute(world.Machine, enclave.Data, versions, 0, new byte[4096], new byte[128], out _));
        Expect.Success(Eremove.Execute(world.Machine, enclave.Data));
    }

    [Fact]
    public void The_launch_control_registers_are_as_after_a_reset()
    {
        world.Machine.LaunchControlHash = new byte[32];
        world.Machine.LosePower();
        Assert.Equal(world.Machine.Options.LaunchControlHash.ToArray(), world.Machine.LaunchControlHash.ToArray());
    }

    [Fact]
    public void Entering_is_a_page_fault_with_the_SGX_bit()
    {
        var enclave = TestEnclave.Built(world);
        enclave.Enter();
        enclave.Exit();
        world.Machine.LosePower();
        LeafResult result = world.Enclu(EncluLeaf.Eenter, enclave.TcsAddress.Value);
        Assert.Equal(LeafResult.Of(Fault.PageFault(enclave.TcsAddress, World.EpcmRead)), result);
    }

    [Fact]
    public void A_thread_inside_is_a_mistake_of_the_caller_and_nothing_is_lost()
    {
        var enclave = TestEnclave.Built(world);
        enclave.Enter();
        Assert.Throws<InvalidOperationException>(world.Machine.LosePower);
        Assert.True(world.Epcm(enclave.Data).Valid);
        enclave.Exit();
        world.Machine.LosePower();
        Assert.False(world.Epcm(enclave.Data).Valid);
    }

    [Fact]
    public void An_enclave_that_is_being_built_is_gone_too_and_its_pages_can_be_used_again()
    {
        var enclave = new TestEnclave(world);
        enclave.AddPages();
        world.Machine.LosePower();
        byte[] source = World.Bytes(TestEnclave.LegalSecs());
        byte[] page = new byte[4096];
        source.CopyTo(page, 0);
        Expect.Success(Ecreate.Execute(world.Machine, page, default, enclave.Secs));
        Assert.Equal(1, world.Machine.ValidPages);
    }
}
