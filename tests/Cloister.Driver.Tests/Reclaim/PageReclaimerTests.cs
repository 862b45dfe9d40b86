using Cloister.Architecture;
using Cloister.Driver.Reclaim;
using Cloister.Driver.Tests.Harness;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Reclaim;

public class PageReclaimerTests
{
    private readonly EnclaveImage _image = new() { HeapPages = 60 };

    [Fact]
    public void Contents_come_back()
    {
        var machine = new TestMachine(epcPages: 24);
        machine.Build(_image);
        var thread = machine.StartThread();
        thread.Enter(_image.Tcs);
        for (int round = 0; round < 3; round++)
        {
            for (int page = 0; page < _image.HeapPages; page++)
            {
                var address = _image.At(EnclaveImage.HeapPage + page);
                Span<byte> read = [0];
                Assert.True(thread.Read(address, read), $"{thread.LastFault}");
                Assert.Equal((byte)(page + round), read[0]);
                Assert.True(thread.Write(address, [(byte)(page + round + 1)]));
            }
        }

        Assert.True(machine.Statistics.Evictions > 100);
        Assert.Equal(machine.Statistics.Evictions - machine.Statistics.BackingPages, machine.Statistics.Loads);
        machine.AssertInvariants();
    }

    [Fact]
    public void One_run_looks_at16_pages_and_passes_the_young_ones_by()
    {
        var machine = new TestMachine();
        var enclave = machine.Build(_image);
        int before = machine.Statistics.EpcPagesFree;
        foreach (int young in (int[])[0, 1, EnclaveImage.CodePage])
        {
            machine.Program.Fault(_image.At(young), AccessKind.Read);
            machine.Program.Walk(_image.At(young), AccessKind.Read);
        }

        new PageReclaimer(machine.Driver.State).ReclaimPages();
        Assert.Equal(before + 16 - 3, machine.Statistics.EpcPagesFree);
        Assert.True(IsResident(enclave, 0));
        Assert.False(IsResident(enclave, 2));

        // The first was looked at and is old now, but 49 pages are before it.
        for (int run = 0; run < 3; run++)
        {
            new PageReclaimer(machine.Driver.State).ReclaimPages();
        }

        Assert.True(IsResident(enclave, 0));
        new PageReclaimer(machine.Driver.State).ReclaimPages();
        Assert.False(IsResident(enclave, 0));
        machine.AssertInvariants();
    }

    [Fact]
    public void A_page_young_in_any_address_space_is_passed_by()
    {
        var machine = new TestMachine();
        var enclave = machine.Build(_image);
        var child = new TestProgram(machine);
        machine.Map(enclave, _image, child);
        child.Fault(_image.At(0), AccessKind.Read);
        child.Walk(_image.At(0), AccessKind.Read);
        new PageReclaimer(machine.Driver.State).ReclaimPages();
        Assert.True(IsResident(enclave, 0));
        Assert.False(IsResident(enclave, 1));
    }

    [Fact]
    public void A_page_is_unmapped_everywhere_before_it_goes()
    {
        var machine = new TestMachine();
        var enclave = machine.Build(_image);
        var child = new TestProgram(machine);
        machine.Map(enclave, _image, child);
        machine.Program.Fault(_image.At(0), AccessKind.Read);
        child.Fault(_image.At(0), AccessKind.Read);
        new PageReclaimer(machine.Driver.State).ReclaimPages();
        Assert.Empty(machine.Program.MappedPages);
        Assert.Empty(child.MappedPages);
    }

    [Fact]
    public void The_SECS_goes_last_and_comes_back_first()
    {
        var machine = new TestMachine();
        var enclave = machine.Build(_image);
        EvictEverything(machine);
        Assert.True(enclave.SecsPage.IsNone);
        Assert.Equal(0, enclave.ResidentPageCount);
        Assert.Equal(_image.HeapPages + 6, machine.Statistics.BackingPages);

        // Only the version array page is left.
        Assert.Equal(machine.Statistics.EpcPagesTotal - 1, machine.Statistics.EpcPagesFree);
        machine.AssertInvariants();

        var thread = machine.StartThread();
        thread.Enter(_image.Tcs);
        Assert.False(enclave.SecsPage.IsNone);
        Span<byte> read = [0];
        Assert.True(thread.Read(_image.At(EnclaveImage.HeapPage + 9), read));
        Assert.Equal(9, read[0]);
        machine.AssertInvariants();
        thread.Exit();
        machine.Driver.Release(enclave);
        machine.AssertAllFree();
    }

    [Fact]
    public void Before_init_the_SECS_stays()
    {
        var machine = new TestMachine();
        var enclave = machine.Create(_image);
        Assert.Equal(0, machine.AddPages(enclave, 0, SecinfoFlags.Reg | SecinfoFlags.R, new byte[4096]));
        EvictEverything(machine);
        Assert.Equal(0, enclave.ResidentPageCount);
        Assert.False(enclave.SecsPage.IsNone);
        machine.Driver.Release(enclave);
        machine.AssertAllFree();
    }

    [Fact]
    public void An_enclave_with_its_SECS_written_out_is_released_whole()
    {
        var machine = new TestMachine();
        var enclave = machine.Build(_image);
        EvictEverything(machine);
        machine.Driver.Release(enclave);
        machine.AssertAllFree();
    }

    [Fact]
    public void Threads_inside_are_driven_out_when_tracking_is_not_enough()
    {
        var machine = new TestMachine();
        machine.Build(_image);
        var thread = machine.StartThread();
        thread.Enter(_image.Tcs);
        long before = machine.Statistics.ForcedExits;
        new PageReclaimer(machine.Driver.State).ReclaimPages(ignoreAge: true);
        Assert.Equal(before + 1, machine.Statistics.ForcedExits);
        Assert.NotNull(thread.Interrupted);
        thread.Resume();
        Assert.True(thread.Processor.EnclaveMode);
        machine.AssertInvariants();
    }

    [Fact]
    public void A_page_tampered_with_is_SIGBUS_for_good_and_no_byte_of_it_is_loaded()
    {
        var machine = new TestMachine();
        var enclave = machine.Build(_image);
        EvictEverything(machine);
        var heap = enclave.Pages.TryGet(_image.Heap.Value >> 12, out _);
        machine.Driver.State.Backing.Contents(heap.Backing)[100] ^= 1;
        Assert.Equal(VmFault.Sigbus, machine.Program.Fault(_image.Heap, AccessKind.Read));
        Assert.Equal(VmFault.Sigbus, machine.Program.Fault(_image.Heap, AccessKind.Read));
        Assert.Equal(VmFault.NoPage, machine.Program.Fault(_image.Data, AccessKind.Read));
        machine.AssertInvariants();
        machine.Driver.Release(enclave);
        machine.AssertAllFree();
    }

    [Fact]
    public void Ksgxd_works_from_the_low_watermark_up_to_the_high_one()
    {
        var machine = new TestMachine(epcPages: 200, driverOptions: new DriverOptions { LowPages = 32, HighPages = 64 });
        var enclave = machine.Build(_image);
        Assert.False(machine.Driver.Ksgxd(100));
        Assert.Equal(0, machine.Statistics.ReclaimRuns);
        int page = 100;
        while (machine.Statistics.EpcPagesFree >= 32)
        {
            Assert.Equal(VmFault.NoPage, machine.Program.Fault(_image.At(page++), AccessKind.Write));
        }

        Assert.Equal(0, machine.Statistics.ReclaimRuns);
        Assert.True(machine.Driver.Ksgxd(1));
        Assert.Equal(1, machine.Statistics.ReclaimRuns);
        Assert.False(machine.Driver.Ksgxd(100));
        Assert.InRange(machine.Statistics.EpcPagesFree, 64, 64 + 15);
        long runs = machine.Statistics.ReclaimRuns;
        Assert.False(machine.Driver.Ksgxd(100));
        Assert.Equal(runs, machine.Statistics.ReclaimRuns);
        machine.AssertInvariants();
        machine.Driver.Release(enclave);
        machine.AssertAllFree();
    }

    [Fact]
    public void An_allocation_ends_though_every_page_is_always_young()
    {
        var machine = new TestMachine(epcPages: 24);
        var enclave = machine.Create(_image);
        machine.Driver.AddressSpaceMapped(enclave, new RestlessAddressSpace());
        Assert.Equal(0, machine.AddPages(enclave, 0, SecinfoFlags.Reg | SecinfoFlags.R, new byte[60 * 4096]));
        machine.AssertInvariants();
    }

    [Fact]
    public void Two_enclaves_take_turns()
    {
        var machine = new TestMachine(epcPages: 32);
        var other = _image with { Base = 0x6000_0000_0000 };
        machine.Build(_image);
        machine.Build(other);
        var thread = machine.StartThread();
        var otherThread = machine.StartThread();
        thread.Enter(_image.Tcs);
        otherThread.Enter(other.Tcs);
        for (int page = 0; page < 60; page++)
        {
            Span<byte> read = [0];
            Assert.True(thread.Read(_image.At(EnclaveImage.HeapPage + page), read), $"{thread.LastFault}");
            Assert.Equal(page, read[0]);
            Assert.True(otherThread.Read(other.At(EnclaveImage.HeapPage + 59 - page), read), $"{otherThread.LastFault}");
            Assert.Equal(59 - page, read[0]);
        }

        machine.AssertInvariants();
    }

    private static bool IsResident(SgxEnclave enclave, int page) =>
        enclave.Pages.TryGet((enclave.Base.Value >> 12) + (ulong)page, out _).IsResident;

    private static void EvictEverything(TestMachine machine)
    {
        while (machine.Statistics.EpcPagesReclaimable != 0)
        {
            new PageReclaimer(machine.Driver.State).ReclaimPages(ignoreAge: true);
        }
    }

    private sealed class RestlessAddressSpace : IAddressSpace
    {
        public void InsertPage(LinearAddress address, EpcPage page, Protection entry)
        {
        }

        public void Zap(LinearAddress address, ulong length)
        {
        }

        public bool TestAndClearYoung(LinearAddress page) => true;

        public bool Read(LinearAddress address, Span<byte> destination) => false;

        public bool Write(LinearAddress address, ReadOnlySpan<byte> source) => false;
    }
}
