using Cloister.Architecture;
using Cloister.Driver.Pages;
using Cloister.Driver.Reclaim;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Ioctls.ByAddress;

public class CreateBackedTests
{
    private static readonly EnclaveImage Image = new() { HeapPages = 30 };
    private static readonly ulong Length = UserBacking.LengthOfContents(Image.Size) + UserBacking.LengthOfPcmds(Image.Size);

    private readonly LegacyMachine _machine = new(Generation.V16, epcPages: 24, image: Image);

    [Fact]
    public void Pages_and_pcmds_are_written_out_to_the_programs_buffer()
    {
        ulong buffer = Build();
        var thread = _machine.Enter();
        Span<byte> read = [0];
        for (int round = 0; round < 2; round++)
        {
            for (int page = 0; page < Image.HeapPages; page++)
            {
                var address = Image.At(EnclaveImage.HeapPage + page);
                Assert.True(thread.Read(address, read), $"{thread.LastFault}");
                Assert.Equal((byte)(page + round), read[0]);
                Assert.True(thread.Write(address, [(byte)(page + 1)]));
            }
        }

        thread.Exit();
        Assert.True(_machine.Machine.Statistics.Evictions > 40);
        Assert.Equal(0, _machine.Machine.Statistics.BackingPages);
        EvictEverything();

        // One PCMD for each page behind all pages: PT_REG of the heap, PT_SECS behind the last.
        Assert.Equal((ulong)PageType.Reg, TypeInPcmd(buffer, EnclaveImage.HeapPage));
        Assert.Equal((ulong)PageType.Tcs, TypeInPcmd(buffer, EnclaveImage.TcsPage));
        Assert.Equal((ulong)PageType.Secs, TypeInPcmd(buffer, (int)(Image.Size >> 12)));
        _machine.Machine.Driver.Release(_machine.File);
        _machine.Machine.AssertAllFree();
    }

    [Fact]
    public void What_the_program_changes_does_not_come_back_until_it_is_as_before()
    {
        ulong buffer = Build();
        EvictEverything();
        var address = new LinearAddress(buffer + (EnclaveImage.HeapPage * 4096) + 77);
        Span<byte> original = [0];
        Assert.True(_machine.Program.Read(address, original));
        Assert.True(_machine.Program.Write(address, [(byte)(original[0] ^ 1)]));
        Assert.Equal(VmFault.Sigbus, _machine.Program.Fault(Image.Heap, AccessKind.Read));
        Assert.True(_machine.Program.Write(address, original));
        Assert.Equal(VmFault.NoPage, _machine.Program.Fault(Image.Heap, AccessKind.Read));
    }

    [Fact]
    public void An_older_page_does_not_come_back()
    {
        ulong buffer = Build();
        EvictEverything();
        byte[] page = new byte[4096];
        byte[] pcmd = new byte[128];
        var pageAddress = new LinearAddress(buffer + (EnclaveImage.HeapPage * 4096));
        var pcmdAddress = new LinearAddress(buffer + UserBacking.LengthOfContents(Image.Size) + (EnclaveImage.HeapPage * 128));
        Assert.True(_machine.Program.Read(pageAddress, page) && _machine.Program.Read(pcmdAddress, pcmd));
        Assert.Equal(VmFault.NoPage, _machine.Program.Fault(Image.Heap, AccessKind.Read));
        EvictEverything();
        Assert.True(_machine.Program.Write(pageAddress, page) && _machine.Program.Write(pcmdAddress, pcmd));
        Assert.Equal(VmFault.Sigbus, _machine.Program.Fault(Image.Heap, AccessKind.Read));
    }

    [Fact]
    public void A_buffer_that_is_gone_kills_the_enclave()
    {
        ulong buffer = Build();
        for (ulong at = 0; at < Length; at += 4096)
        {
            _machine.Program.Unmap(buffer + at);
        }

        new PageReclaimer(_machine.Machine.Driver.State).ReclaimPages(ignoreAge: true);
        Assert.True(_machine.File.IsDead);
        Assert.Equal(0, _machine.Machine.Statistics.EpcPagesReclaimable);
        Assert.Equal(VmFault.Sigbus, _machine.Program.Fault(Image.Data, AccessKind.Read));
        _machine.Machine.Driver.Release(_machine.File);
        _machine.Machine.AssertAllFree();
    }

    [Fact]
    public void Queued_pages_wait_in_the_buffer_where_the_program_can_spoil_them()
    {
        ulong buffer = Fill();
        Span<byte> read = [0];
        var data = new LinearAddress(buffer + (EnclaveImage.DataPage * 4096));
        Assert.True(_machine.Program.Read(data, read));
        Assert.Equal(0x11, read[0]);
        Assert.True(_machine.Program.Write(data, [0x12]));
        Assert.Equal((long)SgxError.InvalidMeasurement, _machine.Initialize());
    }

    [Fact]
    public void An_add_page_that_cannot_be_kept_is_EFAULT_and_leaves_nothing()
    {
        ulong buffer = _machine.Program.Allocate(new byte[Length], writable: false);
        Assert.Equal(0, Create(buffer));
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Add(8, SecinfoFlags.Reg | SecinfoFlags.R, new byte[4096]));
        Assert.Equal(0, _machine.File.PageCount);
        _machine.Machine.Driver.Release(_machine.File);
        _machine.Machine.AssertAllFree();
    }

    [Fact]
    public void Null_means_that_the_enclave_is_killed_rather_than_written_out()
    {
        var machine = new LegacyMachine(Generation.V16, epcPages: 64, image: Image);
        Assert.Equal(0,
            machine.Ioctl("ENCLAVE_CREATE_BACKED", new SgxEnclaveCreateBacked { Src = machine.Program.Allocate(Image.Secs()) }));
        foreach (var (page, flags, contents) in Image.Pages())
        {
            Assert.Equal(0, machine.Add(page, flags, contents));
        }

        Assert.Equal(0, machine.Initialize());
        var thread = machine.Enter();
        var guest = machine.Machine.Driver.OpenVirtualEpc(new TestStorage());
        var start = new LinearAddress(0x5000_0000_0000);
        machine.Program.Map(guest, start, 32 * 4096);
        for (ulong page = 0; page < 32; page++)
        {
            Assert.Equal(VmFault.NoPage, machine.Program.Fault(start + (page * 4096), AccessKind.Write));
        }

        Assert.True(machine.File.IsDead);
        Assert.Equal(0, machine.Machine.Statistics.Evictions);
        Assert.False(thread.Processor.EnclaveMode);
        machine.Machine.Driver.Release(guest);
        machine.Machine.Driver.Release(machine.File);
        machine.Machine.AssertAllFree();
    }

    [Fact]
    public void An_enclave_too_large_for_the_EPC_without_backing_dies_while_it_is_built()
    {
        Assert.Equal(0, Create(0));
        foreach (var (page, flags, contents) in Image.Pages())
        {
            Assert.Equal(0, _machine.Add(page, flags, contents));
        }

        Assert.Equal(-(long)DriverError.EFAULT, _machine.Initialize());
        Assert.True(_machine.File.IsDead);
        _machine.Machine.Driver.Release(_machine.File);
        _machine.Machine.AssertAllFree();
    }

    [Theory]
    [InlineData(1UL)]
    [InlineData(4095UL)]
    [InlineData(0x7fff_ffff_f000UL)]
    [InlineData(0x8000_0000_0000UL)]
    [InlineData(0xffff_ffff_ffff_f000UL)]
    public void A_buffer_that_is_not_aligned_or_not_the_programs_is_EINVAL(ulong buffer)
    {
        Assert.Equal(-(long)DriverError.EINVAL, Create(buffer));
        Assert.False(_machine.File.IsCreated);
    }

    private ulong Build()
    {
        ulong buffer = Fill();
        Assert.Equal(0, _machine.Initialize());
        return buffer;
    }

    private ulong Fill()
    {
        ulong buffer = _machine.Program.Allocate(new byte[Length]);
        Assert.Equal(0, Create(buffer));
        foreach (var (page, flags, contents) in Image.Pages())
        {
            Assert.Equal(0, _machine.Add(page, flags, contents));
        }

        return buffer;
    }

    private long Create(ulong buffer) => _machine.Ioctl(
        "ENCLAVE_CREATE_BACKED",
        new SgxEnclaveCreateBacked { Src = _machine.Program.Allocate(Image.Secs()), Backing = buffer });

    private ulong TypeInPcmd(ulong buffer, int page)
    {
        byte[] pcmd = new byte[128];
        Assert.True(
            _machine.Program.Read(new LinearAddress(buffer + UserBacking.LengthOfContents(Image.Size) + ((ulong)page * 128)), pcmd));
        return pcmd[1];
    }

    private void EvictEverything()
    {
        while (_machine.Machine.Statistics.EpcPagesReclaimable != 0)
        {
            new PageReclaimer(_machine.Machine.Driver.State).ReclaimPages(ignoreAge: true);
        }
    }
}
