using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Encls;

/// <summary>SDM 3D, ELDB/ELDU/ELDBC/ELDUC, in the order of their checks, and every way to tamper with an evicted page.</summary>
[TestsOf(typeof(Processor.Encls.Eldb), typeof(Processor.Encls.Eldu), typeof(Processor.Encls.Eldbc), typeof(Processor.Encls.Elduc))]
public class EldTests
{
    private const int Slot = 7;
    private readonly World world = new();
    private readonly TestEnclave enclave;
    private readonly EpcPage versions;
    private readonly EpcPage free = new(63);
    private readonly byte[] evicted = new byte[4096];
    private readonly byte[] pcmd = new byte[128];
    private readonly byte[] plain;

    public EldTests()
    {
        enclave = TestEnclave.Built(world);
        versions = world.VersionArray();
        Random.Shared.NextBytes(world.Machine.Memory[enclave.Data]);
        plain = world.Machine.Memory[enclave.Data].ToArray();
        enclave.BlockAndTrack(enclave.Data);
        Evict(enclave.Data);
        world.Machine.Memory[free].Fill(0xee);
    }

    private void Evict(EpcPage page)
        => Expect.Success(Ewb.Execute(world.Machine, page, versions, Slot, evicted, pcmd, out _));

    private LeafResult Load(EpcPage? secs = null, LinearAddress? address = null, EpcPage? va = null, int slot = Slot, EpcPage? page = null)
        => Eldu.Execute(world.Machine, secs ?? enclave.Secs, address ?? enclave.DataAddress, evicted, pcmd, va ?? versions,
            slot, page ?? free);

    private void ExpectNothingLoaded()
    {
        Assert.False(world.Epcm(free).Valid);
        Assert.Equal(-1, world.Machine.Memory[free].IndexOfAnyExcept((byte)0xee));
        Expect.Success(restoredLoad());
        Assert.Equal(plain, world.Machine.Memory[free].ToArray());
    }

    private Func<LeafResult> restoredLoad = null!;

    private void RememberGood()
    {
        byte[] goodPage = [.. evicted];
        byte[] goodPcmd = [.. pcmd];
        restoredLoad = () => Eldu.Execute(world.Machine, enclave.Secs, enclave.DataAddress, goodPage, goodPcmd, versions, Slot, free);
    }

    [Fact]
    public void Pages_outside_the_epc_fault()
    {
        Expect.PageFault(Load(page: new EpcPage(64)));
        Expect.PageFault(Load(va: new EpcPage(64)));
    }

    [Fact]
    public void A_valid_target_or_a_slot_outside_a_version_array_faults()
    {
        Expect.PageFault(Load(page: enclave.MoreData));
        Expect.PageFault(Load(va: enclave.MoreData));
        Expect.PageFault(Load(va: new EpcPage(62)));
        EpcPage removed = world.VersionArray();
        world.Machine.Memory[versions].CopyTo(world.Machine.Memory[removed]);
        Expect.PageFault(Load(va: world.Removed(removed)));
    }

    [Fact]
    public void A_page_of_an_enclave_needs_its_secs()
    {
        Expect.PageFault(Load(secs: EpcPage.None));
        Expect.PageFault(Load(secs: enclave.MoreData));
        Expect.PageFault(Load(secs: new EpcPage(62)));
    }

    [Fact]
    public void A_secs_or_version_array_has_no_secs()
    {
        EpcPage other = world.VersionArray();
        Expect.Success(Ewb.Execute(world.Machine, other, versions, 8, evicted, pcmd, out _));
        Expect.GeneralProtection(Load(address: default(LinearAddress), slot: 8));
        Expect.Success(Load(secs: EpcPage.None, address: default(LinearAddress), slot: 8));
        Assert.Equal(PageType.Va, world.Epcm(free).PageType);
    }

    [Fact]
    public void The_page_comes_back_as_it_was()
    {
        Expect.Success(Load());
        Assert.Equal(plain, world.Machine.Memory[free].ToArray());
        ref readonly EpcmEntry entry = ref world.Epcm(free);
        Assert.True(
            entry is { Valid: true, Blocked: false, PageType: PageType.Reg, R: true, W: true, X: false, Pending: false, Modified: false });
        Assert.Equal((enclave.Secs, enclave.DataAddress), (entry.EnclaveSecs, entry.EnclaveAddress));
        Assert.Equal(0ul, MemoryMarshal.Cast<byte, ulong>(world.Machine.Memory[versions])[Slot]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2048 * 8)]
    [InlineData((4096 * 8) - 1)]
    public void A_changed_bit_of_the_page_is_refused(int bit)
    {
        RememberGood();
        evicted[bit / 8] ^= (byte)(1 << (bit % 8));
        Expect.Error(SgxError.MacCompareFail, Load());
        ExpectNothingLoaded();
    }

    [Theory]
    [InlineData(0)] // R
    [InlineData(2)] // X
    [InlineData(3)] // PENDING
    [InlineData(4)] // MODIFIED
    [InlineData(5)] // PR
    [InlineData(10)] // PT_REG becomes PT_SS_REST, which needs no SECS on a processor without CET
    [InlineData(64)] // SECINFO reserved
    [InlineData((72 * 8) + 1)] // PCMD reserved
    [InlineData(112 * 8)] // MAC
    [InlineData((128 * 8) - 1)] // MAC
    public void A_changed_bit_of_the_metadata_is_refused(int bit)
    {
        RememberGood();
        pcmd[bit / 8] ^= (byte)(1 << (bit % 8));
        EpcPage secs = bit == 10 ? EpcPage.None : enclave.Secs;
        Expect.Error(SgxError.MacCompareFail, Load(secs));
        ExpectNothingLoaded();
    }

    [Fact]
    public void Enclaveid_in_the_metadata_is_for_the_system_only()
    {
        // SDM 3D, ELDU takes the EID from the SECS; PCMD.ENCLAVEID is not authenticated.
        pcmd[64] ^= 0xff;
        Expect.Success(Load());
    }

    [Fact]
    public void A_replayed_page_is_refused()
    {
        byte[] oldPage = [.. evicted];
        byte[] oldPcmd = [.. pcmd];
        Expect.Success(Load());
        enclave.BlockAndTrack(free);
        Evict(free);
        world.Machine.Memory[free].Fill(0xee);
        RememberGood();
        LeafResult replay = Eldu.Execute(world.Machine, enclave.Secs, enclave.DataAddress, oldPage, oldPcmd, versions, Slot, free);
        Expect.Error(SgxError.MacCompareFail, replay);
        ExpectNothingLoaded();
    }

    [Fact]
    public void A_page_is_loaded_once()
    {
        Expect.Success(Load());
        Expect.Error(SgxError.MacCompareFail, Load(page: new EpcPage(62)));
        Assert.False(world.Epcm(new EpcPage(62)).Valid);
    }

    [Fact]
    public void A_wrong_slot_is_refused()
    {
        RememberGood();
        EpcPage other = world.VersionArray();
        Expect.Success(Ewb.Execute(world.Machine, other, versions, 9, new byte[4096], new byte[128], out _));
        Expect.Error(SgxError.MacCompareFail, Load(slot: 8));
        Expect.Error(SgxError.MacCompareFail, Load(slot: 9));
        ExpectNothingLoaded();
    }

    [Fact]
    public void A_wrong_linear_address_is_refused()
    {
        RememberGood();
        Expect.Error(SgxError.MacCompareFail, Load(address: enclave.DataAddress + 0x1000));
        ExpectNothingLoaded();
    }

    [Fact]
    public void A_wrong_enclave_is_refused()
    {
        RememberGood();
        TestEnclave other = TestEnclave.Built(world, origin: TestEnclave.DefaultBase + 0x100000);
        Expect.Error(SgxError.MacCompareFail, Load(secs: other.Secs));
        ExpectNothingLoaded();
    }

    [Fact]
    public void Another_machine_cannot_load_it()
    {
        var other = new World();
        TestEnclave twin = TestEnclave.Built(other);
        EpcPage otherVersions = other.VersionArray();
        world.Machine.Memory[versions].CopyTo(other.Machine.Memory[otherVersions]);
        LeafResult result = Eldu.Execute(other.Machine, twin.Secs, twin.DataAddress, evicted, pcmd, otherVersions, Slot, new EpcPage(60));
        Expect.Error(SgxError.MacCompareFail, result);
    }

    [Fact]
    public void Eldb_and_eldbc_leave_the_page_blocked_and_elduc_does_not()
    {
        Expect.Success(Eldb.Execute(world.Machine, enclave.Secs, enclave.DataAddress, evicted, pcmd, versions, Slot, free));
        Assert.True(world.Epcm(free).Blocked);
        Expect.Error(SgxError.NotTracked, Ewb.Execute(world.Machine, free, versions, Slot, evicted, pcmd, out _));
        world.Track(enclave);
        Evict(free);
        Expect.Success(Eldbc.Execute(world.Machine, enclave.Secs, enclave.DataAddress, evicted, pcmd, versions, Slot, free));
        Assert.True(world.Epcm(free).Blocked);
        world.Track(enclave);
        Evict(free);
        Expect.Success(Elduc.Execute(world.Machine, enclave.Secs, enclave.DataAddress, evicted, pcmd, versions, Slot, free));
        Assert.False(world.Epcm(free).Blocked);
    }

    [Fact]
    public void The_reporting_leaves_are_not_offered_without_the_oversubscription_leaves()
    {
        var other = new World(new MachineOptions { Oversubscription = false });
        Expect.GeneralProtection(Eldbc.Execute(other.Machine, EpcPage.None, default, evicted, pcmd, new EpcPage(0), 0, new EpcPage(1)));
        Expect.GeneralProtection(Elduc.Execute(other.Machine, EpcPage.None, default, evicted, pcmd, new EpcPage(0), 0, new EpcPage(1)));
    }

    [Fact]
    public void An_enclave_survives_the_eviction_of_its_secs()
    {
        Expect.Success(Load());
        var gone = new List<(LinearAddress Address, byte[] Page, byte[] Pcmd)>();
        ulong eid = world.Machine.EnclaveOf(enclave.Secs).Eid;
        foreach (int index in Enumerable.Range(0, 64)
            .Where(index => world.Epcm(new EpcPage(index)) is { Valid: true, EnclaveSecs.IsNone: false }))
        {
            enclave.BlockAndTrack(new EpcPage(index));
            (byte[] page, byte[] metadata) = (new byte[4096], new byte[128]);
            Expect.Success(Ewb.Execute(world.Machine, new EpcPage(index), versions, gone.Count, page, metadata, out LinearAddress address));
            gone.Add((address, page, metadata));
        }

        Expect.Success(Ewb.Execute(world.Machine, enclave.Secs, versions, 100, evicted, pcmd, out LinearAddress secsAddress));
        Assert.Equal(default, secsAddress);
        var reloaded = new EpcPage(50);
        Expect.Success(Eldu.Execute(world.Machine, EpcPage.None, default, evicted, pcmd, versions, 100, reloaded));
        Assert.Equal(eid, world.Machine.EnclaveOf(reloaded).Eid);
        for (int i = 0; i < gone.Count; i++)
        {
            var page = new EpcPage(i);
            Expect.Success(Eldu.Execute(world.Machine, reloaded, gone[i].Address, gone[i].Page, gone[i].Pcmd, versions, i, page));
            world.Memory.Map(gone[i].Address, page);
        }

        enclave.Enter();
        enclave.Exit();
    }

    [Fact]
    public void The_measurement_survives_the_eviction_of_a_secs_that_is_not_initialised()
    {
        var young = new TestEnclave(world, origin: TestEnclave.DefaultBase + 0x100000);
        Sigstruct sigstruct = young.LegalSigstruct();
        Expect.Success(Ewb.Execute(world.Machine, young.Secs, versions, 100, evicted, pcmd, out _));
        var reloaded = new EpcPage(50);
        Expect.Success(Eldu.Execute(world.Machine, EpcPage.None, default, evicted, pcmd, versions, 100, reloaded));
        Expect.Success(Einit.Execute(world.Machine, TestSigner.Sign(sigstruct), new byte[304], reloaded));
    }

    [Fact]
    public void A_modified_page_can_be_accepted_after_its_return()
    {
        Expect.Success(Load());
        world.Memory.Map(enclave.DataAddress, free);
        Expect.Success(Emodt.Execute(world.Machine, enclave.MoreData, new Secinfo(SecinfoFlags.Trim)));
        enclave.BlockAndTrack(enclave.MoreData);
        Evict(enclave.MoreData);
        var page = new EpcPage(62);
        Expect.Success(Load(address: enclave.MoreDataAddress, page: page));
        world.Memory.Map(enclave.MoreDataAddress, page);
        MemoryMarshal.Write(world.Machine.Memory[free], new Secinfo(SecinfoFlags.Trim | SecinfoFlags.Modified));
        enclave.Enter();
        Expect.Success(world.Enclu(EncluLeaf.Eaccept, enclave.DataAddress.Value, enclave.MoreDataAddress.Value));
    }
}
