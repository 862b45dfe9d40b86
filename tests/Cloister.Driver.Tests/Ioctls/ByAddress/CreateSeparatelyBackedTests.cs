using Cloister.Architecture;
using Cloister.Driver.Pages;
using Cloister.Driver.Reclaim;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Tests.Ioctls.ByAddress;

public class CreateSeparatelyBackedTests
{
    private static readonly EnclaveImage Image = new() { HeapPages = 30 };

    private readonly LegacyMachine _machine = new(Generation.V16, epcPages: 24, image: Image);

    [Fact]
    public void Pages_go_to_one_buffer_and_pcmds_to_the_other()
    {
        ulong contents = _machine.Program.Allocate(new byte[UserBacking.LengthOfContents(Image.Size)]);
        ulong pcmds = _machine.Program.Allocate(new byte[UserBacking.LengthOfPcmds(Image.Size)]);
        Assert.Equal(0, Create(contents, pcmds));
        foreach (var (page, flags, bytes) in Image.Pages())
        {
            Assert.Equal(0, _machine.Add(page, flags, bytes));
        }

        Assert.Equal(0, _machine.Initialize());
        var thread = _machine.Enter();
        Span<byte> read = [0];
        for (int page = 0; page < Image.HeapPages; page++)
        {
            Assert.True(thread.Read(Image.At(EnclaveImage.HeapPage + page), read));
            Assert.Equal(page, read[0]);
        }

        thread.Exit();
        new PageReclaimer(_machine.Machine.Driver.State).ReclaimPages(ignoreAge: true);
        Assert.Equal(0, _machine.Machine.Statistics.BackingPages);

        // Encrypted, and told of in the other buffer.
        byte[] page0 = new byte[4096];
        byte[] pcmd0 = new byte[128];
        int evicted = Enumerable.Range(0, Image.HeapPages).Select(page => EnclaveImage.HeapPage + page).First(page =>
            !_machine.File.Pages.TryGet(Image.At(page).Value >> 12, out _).IsResident);
        Assert.True(_machine.Program.Read(new LinearAddress(contents + ((ulong)evicted * 4096)), page0));
        Assert.True(_machine.Program.Read(new LinearAddress(pcmds + ((ulong)evicted * 128)), pcmd0));
        Assert.Contains(page0, value => value != page0[0]);
        Assert.Equal((byte)PageType.Reg, pcmd0[1]);
        _machine.Machine.Driver.Release(_machine.File);
        _machine.Machine.AssertAllFree();
    }

    [Fact]
    public void Both_null_kills_rather_than_swaps()
    {
        Assert.Equal(0, Create(0, 0));
        Assert.True(_machine.File.DiesOnReclaim);
    }

    [Theory]
    [InlineData(0UL, 0x10000UL)]
    [InlineData(0x10000UL, 0UL)]
    [InlineData(0x10001UL, 0x10000UL)]
    [InlineData(0x10000UL, 0x10040UL)]
    [InlineData(0x10000UL, 0x7fff_ffff_ff80UL)]
    [InlineData(0x7fff_ffff_f000UL, 0x10000UL)]
    public void Buffers_that_are_not_aligned_not_the_programs_or_only_one_are_EINVAL(ulong contents, ulong pcmds)
    {
        Assert.Equal(-(long)DriverError.EINVAL, Create(contents, pcmds));
        Assert.False(_machine.File.IsCreated);
    }

    private long Create(ulong contents, ulong pcmds) => _machine.Ioctl(
        "ENCLAVE_CREATE_SEPARATELY_BACKED",
        new SgxEnclaveCreateSeparatelyBacked { Src = _machine.Program.Allocate(Image.Secs()), Contents = contents, Pcmd = pcmds });
}
