using System.Runtime.InteropServices;
using Cloister.Engine.Fast;
using Cloister.Engine.Stubs;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Fast;

/// <summary><see cref="InterruptedStubs"/>: before a stub or behind it, and nothing in between.</summary>
public sealed class InterruptedStubsTests : FastPathTestCase
{
    private readonly List<int> _freed = [];

    private InterruptedStubs Stubs => new(new FastTables(_file), _freed.Add);

    private ref UserRegisters Registers => ref _own.Thread.Registers;

    [Fact]
    public void One_that_has_only_begun_an_entry_stands_at_the_ENCLU()
    {
        Registers = AtEnclu with { Rip = _stub.Start };
        Stubs.Leave(_own.Thread, SlotNumber, _stub, _stub.Start);

        AssertRegisters(AtEnclu with { Rip = _stub.Enclu }, _stub.Start);
        Assert.Empty(_freed);
    }

    [Fact]
    public void One_that_has_taken_a_TCS_gives_it_up()
    {
        const uint leaf = 2;
        int slot = FastLayout.Slots + SlotNumber * FastLayout.SlotLength;
        MemoryMarshal.Write(_file.Slice(slot + FastLayout.SlotLeaf, 4), leaf);
        MemoryMarshal.Write(_file.Slice(slot + FastLayout.SlotAep, 8), Aep);
        Registers = AtEnclu with { Rip = _stub.AepStored, Rax = 0, Rcx = 0 };
        Stubs.Leave(_own.Thread, SlotNumber, _stub, _stub.AepStored);

        Assert.Equal([SlotNumber], _freed);
        Assert.Equal((leaf, Aep, _stub.Enclu), (Registers.Rax, Registers.Rcx, Registers.Rip));
    }

    [Fact]
    public void One_in_the_tail_of_an_entry_goes_where_that_leads()
    {
        int index = FastLayout.IndexOf(_tcs);
        ulong stack = _memory + 0x2000;
        Write(stack, MemoryMarshal.AsBytes<ulong>([0x11, 0x22, 0x33]).ToArray());
        Registers = AtEnclu with { Rsp = stack };
        Stubs.FinishTail(_own.Thread, SlotNumber, index, offset: 0);
        AssertRegisters(AtEnclu with { Rsi = 0x11, Rdx = 0x22, Rflags = 0x33, Rsp = stack + 24 + 128, Rip = _enclave + Oentry }, 0);

        // Behind the three pops.
        Registers = AtEnclu with { Rsp = stack };
        Stubs.FinishTail(_own.Thread, SlotNumber, index, offset: 3);
        AssertRegisters(AtEnclu with { Rsp = stack + 128, Rip = _enclave + Oentry }, 3);
    }

    [Fact]
    public void An_exit_that_has_begun_is_made_and_one_without_a_selector_is_the_tracers()
    {
        ExitStubCode stub = ExitStub.Assemble(0x5000_0000, Site);
        Busy = SlotNumber + 1;
        Inside = 1;
        int slot = FastLayout.Slots + SlotNumber * FastLayout.SlotLength;
        MemoryMarshal.Write(_file.Slice(slot + FastLayout.SlotEntry, 8), Engine.Platforms.Area.Fast + (ulong)Entry);
        Registers = Entered with { Rip = stub.IsEexit, Rbx = 0x40_3000, Es = 0 };
        Stubs.Leave(_own.Thread, SlotNumber, stub, stub.IsEexit);
        Assert.Equal((4UL, stub.Enclu, 1u), (Registers.Rax, Registers.Rip, Inside));

        Registers = Entered with { Rip = stub.IsEexit, Rbx = 0x40_3000 };
        Stubs.Leave(_own.Thread, SlotNumber, stub, stub.IsEexit);
        Assert.Equal((0x40_3000UL, 0u, 0u), (Registers.Rip, Inside, Busy));
    }
}
