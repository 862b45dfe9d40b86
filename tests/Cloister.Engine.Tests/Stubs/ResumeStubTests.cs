using System.Runtime.InteropServices;
using Cloister.Engine.Stubs;
using Cloister.Engine.Tests.Fast;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Iced.Intel;

namespace Cloister.Engine.Tests.Stubs;

/// <summary><see cref="ResumeStub"/> by itself, and where its parts lie (<see cref="ResumeStubAddresses"/>).</summary>
public sealed class ResumeStubTests : FastPathTestCase
{
    private const ulong Address = 0x5100_0000;
    private readonly byte[] _resume;
    private readonly ResumeStubAddresses _addresses;
    private readonly ulong _release;

    public ResumeStubTests()
    {
        var a = new Assembler(64);
        var stub = new ResumeStub();
        Label start = a.CreateLabel(), release = a.CreateLabel();
        stub.Emit(a, ref start, release);
        a.Label(ref release);
        a.nop();
        using var stream = new MemoryStream();
        AssemblerResult result = a.Assemble(new StreamCodeWriter(stream), Address, BlockEncoderOptions.ReturnNewInstructionOffsets);
        _resume = stream.ToArray();
        (_addresses, _release) = (stub.Addresses(result), result.GetLabelRIP(release));
    }

    [Fact]
    public void Its_parts_lie_in_order_and_behind_XRSTOR_there_is_no_way_back()
    {
        Assert.Equal(Address, _addresses.Start);
        Assert.True(_addresses.Start < _addresses.Restored && _addresses.Restored < _addresses.TakesCssa
            && _addresses.TakesCssa < _addresses.Commits && _addresses.Commits < _addresses.End);
        Assert.False(_addresses.HasResumed(_addresses.Start) || _addresses.HasResumed(_addresses.Restored - 1)
            || _addresses.HasResumed(_addresses.End));
        Assert.True(_addresses.HasResumed(_addresses.Restored) && _addresses.HasResumed(_addresses.End - 1));
    }

    [Fact]
    public void A_frame_comes_back_and_the_thread_counts_as_inside()
    {
        UserRegisters resumed = Interrupt();
        StubProcessor processor = Execute(cssa: 1, until: MemoryMarshal.Read<ulong>(_file.Slice(Entry + FastLayout.EntryResumeTail, 8)));

        Assert.Equal((_enclave + 0x4000, 7UL), (processor.RestoredFrom, processor.RestoredComponents));
        Assert.Equal((resumed.FsBase, resumed.GsBase), (processor.State.FsBase, processor.State.GsBase));
        Assert.Equal((1u, 1UL << 32), (Inside, Cssa));
        Assert.Equal((resumed.Rsp, resumed.Rip), (EntryValue(FastLayout.EntryResumeRsp), EntryValue(FastLayout.EntryResumeRip)));
        Assert.Equal((1UL, 1UL), (SlotValue(FastLayout.SlotCount), SlotValue(FastLayout.SlotResumes)));
    }

    [Theory]
    [InlineData(0, 0UL)]
    [InlineData(1, 0xf_0000_0000_0000UL)]
    public void Without_a_frame_or_with_a_base_that_is_not_the_programs_it_is_the_ENCLUs(int cssa, ulong fsBase)
    {
        _ = Interrupt();
        if (fsBase != 0)
        {
            Write(_enclave + 0x5000 - 184 + 168, BitConverter.GetBytes(fsBase));
        }

        StubProcessor processor = Execute((ulong)cssa, _release);
        Assert.Equal((0UL, 0u, 1UL), (processor.RestoredFrom, Inside, Cssa));
        Assert.Equal((0UL, 0UL), (SlotValue(FastLayout.SlotCount), SlotValue(FastLayout.SlotResumes)));
    }

    private StubProcessor Execute(ulong cssa, ulong until)
    {
        int slot = FastLayout.Slots + SlotNumber * FastLayout.SlotLength;
        MemoryMarshal.Write(_file.Slice(slot + FastLayout.SlotEntry, 8), FastLayoutAddress(Entry));
        var processor = new StubProcessor(_own.Space.Memory, Address, _resume)
        {
            State = AtEnclu with { Rip = Address, Rax = cssa, Rsi = FastLayoutAddress(Entry), Rdx = FastLayoutAddress(slot) },
        };
        for (int i = 0; processor.State.Rip != until; i++)
        {
            Assert.True(i < 300);
            processor.Step();
        }

        return processor;
    }

    private static ulong FastLayoutAddress(int offset) => Engine.Platforms.Area.Fast + (ulong)offset;

    private ulong EntryValue(int offset) => MemoryMarshal.Read<ulong>(_file.Slice(Entry + offset, 8));

    private ulong SlotValue(int offset) =>
        MemoryMarshal.Read<ulong>(_file.Slice(FastLayout.Slots + SlotNumber * FastLayout.SlotLength + offset, 8));
}
