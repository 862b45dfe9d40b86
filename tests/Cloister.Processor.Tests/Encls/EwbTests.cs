using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Encls;

/// <summary>SDM 3D, EWB, in the order of its checks.</summary>
[TestsOf(typeof(Processor.Encls.Ewb))]
public class EwbTests
{
    private readonly World world = new();
    private readonly TestEnclave enclave;
    private readonly EpcPage versions;
    private readonly byte[] evicted = new byte[4096];
    private readonly byte[] pcmd = new byte[128];

    public EwbTests()
    {
        enclave = TestEnclave.Built(world);
        versions = world.VersionArray();
    }

    private LeafResult Evict(EpcPage page, EpcPage? va = null, int slot = 0)
        => Ewb.Execute(world.Machine, page, va ?? versions, slot, evicted, pcmd, out _);

    [Fact]
    public void Pages_outside_the_epc_fault()
    {
        Expect.PageFault(Evict(new EpcPage(64)));
        Expect.PageFault(Evict(enclave.Data, new EpcPage(64)));
    }

    [Fact]
    public void A_version_array_cannot_hold_its_own_version() => Expect.GeneralProtection(Evict(versions, versions));

    [Fact]
    public void Pages_that_are_not_valid_or_no_version_array_fault()
    {
        Expect.PageFault(Evict(new EpcPage(63)));
        Expect.PageFault(Evict(enclave.Data, new EpcPage(63)));
        Expect.PageFault(Evict(enclave.Data, enclave.MoreData));
        Expect.PageFault(Evict(world.Removed(enclave.MoreData)));
        enclave.BlockAndTrack(enclave.Data);
        Expect.PageFault(Evict(enclave.Data, world.Removed(world.VersionArray())));
    }

    [Fact]
    public void A_page_must_be_blocked() => Expect.Error(SgxError.PageNotBlocked, Evict(enclave.Data));

    [Fact]
    public void A_blocked_page_must_be_tracked()
    {
        Expect.Success(Eblock.Execute(world.Machine, enclave.Data));
        Expect.Error(SgxError.NotTracked, Evict(enclave.Data));
        world.Track(enclave);
        Expect.Success(Evict(enclave.Data));
    }

    [Fact]
    public void Tracking_is_complete_when_every_thread_that_was_inside_has_left()
    {
        enclave.Enter();
        Expect.Success(Eblock.Execute(world.Machine, enclave.Data));
        Expect.Success(Etrack.Execute(world.Machine, enclave.Secs));
        Expect.Error(SgxError.NotTracked, Evict(enclave.Data));
        var late = new LogicalProcessor();
        enclave.Enter(late, second: true);
        Expect.Error(SgxError.NotTracked, Evict(enclave.Data));
        enclave.Exit();
        Expect.Success(Evict(enclave.Data));
    }

    [Fact]
    public void Etrack_before_eblock_does_not_count()
    {
        world.Track(enclave);
        Expect.Success(Eblock.Execute(world.Machine, enclave.Data));
        Expect.Error(SgxError.NotTracked, Evict(enclave.Data));
    }

    [Fact]
    public void A_secs_goes_last()
    {
        Expect.Error(SgxError.ChildPresent, Evict(enclave.Secs));
        for (int index = enclave.Secs.Index + 1; index < versions.Index; index++)
        {
            Expect.Success(Eremove.Execute(world.Machine, new EpcPage(index)));
        }

        ulong eid = world.Machine.EnclaveOf(enclave.Secs).Eid;
        Expect.Success(Evict(enclave.Secs));
        Assert.Equal((eid, SecinfoFlags.None), (MemoryMarshal.Read<Pcmd>(pcmd).EnclaveId, MemoryMarshal.Read<Pcmd>(pcmd).Secinfo.Flags));
        Expect.Success(Evict(world.VersionArray(), slot: 1));
        Assert.Equal((0ul, SecinfoFlags.Va), (MemoryMarshal.Read<Pcmd>(pcmd).EnclaveId, MemoryMarshal.Read<Pcmd>(pcmd).Secinfo.Flags));
    }

    [Fact]
    public void An_occupied_slot_is_told_of_and_the_page_goes_all_the_same()
    {
        enclave.BlockAndTrack(enclave.Data);
        enclave.BlockAndTrack(enclave.MoreData);
        Expect.Success(Evict(enclave.Data));
        Expect.Error(SgxError.VaSlotOccupied, Evict(enclave.MoreData));
        Assert.False(world.Epcm(enclave.MoreData).Valid);
    }

    [Fact]
    public void What_leaves_is_encrypted_and_described()
    {
        byte[] plain = world.Machine.Memory[enclave.Data].ToArray();
        enclave.BlockAndTrack(enclave.Data);
        int children = world.Machine.EnclaveOf(enclave.Secs).ChildCount;
        Expect.Success(Ewb.Execute(world.Machine, enclave.Data, versions, 511, evicted, pcmd, out LinearAddress address));
        Assert.Equal(enclave.DataAddress, address);
        Assert.NotEqual(plain, evicted);
        Pcmd metadata = MemoryMarshal.Read<Pcmd>(pcmd);
        Assert.Equal(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W, metadata.Secinfo.Flags);
        Assert.Equal(world.Machine.EnclaveOf(enclave.Secs).Eid, metadata.EnclaveId);
        Assert.False(world.Epcm(enclave.Data).Valid);
        Assert.Equal(children - 1, world.Machine.EnclaveOf(enclave.Secs).ChildCount);
        Assert.NotEqual(0ul, MemoryMarshal.Cast<byte, ulong>(world.Machine.Memory[versions])[511]);
        Assert.Equal(0ul, MemoryMarshal.Cast<byte, ulong>(world.Machine.Memory[versions])[510]);
    }

    [Fact]
    public void The_same_page_never_looks_the_same_twice()
    {
        EpcPage first = world.VersionArray();
        EpcPage second = world.VersionArray();
        Expect.Success(Evict(first));
        byte[] before = [.. evicted];
        Expect.Success(Evict(second, slot: 1));
        Assert.NotEqual(before, evicted);
    }
}
