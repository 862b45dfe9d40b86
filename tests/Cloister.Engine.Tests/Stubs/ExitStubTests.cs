using Cloister.Engine.Stubs;
using Cloister.Engine.Tests.Fast;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Stubs;

/// <summary>Exits that a stub makes.</summary>
public sealed class ExitStubTests : FastPathTestCase
{
    [Theory]
    [InlineData(Eexit)]
    [InlineData(0u)]
    [InlineData(6u)]
    public void An_exit_is_made_or_not_made_at_every_instruction(uint leaf)
    {
        // As an entry leaves the tables.
        Run(AtEnclu, _code, StubAddress, _enclave + Oentry);
        _file.Slice(0, FastLayout.Notes).CopyTo(_tables);
        const ulong site = 0x5000_0000, target = 0x40_3000;
        ExitStubCode stub = ExitStub.Assemble(site, Site);
        _path.Stubs.Add(stub);
        UserRegisters start = Entered with { Rip = site, Rax = leaf, Rbx = target, Rcx = 0x77 };
        UserRegisters left = start with { Rip = target, Rcx = Aep + 8, FsBase = HostFs + 8, GsBase = HostGs + 8 };
        bool decided = false;
        int steps = Sweep(start, stub.Code, site, leaf == Eexit ? target : stub.Enclu, at =>
        {
            bool made = at >= stub.IsEexit || at == target;
            decided |= made;
            _ = _path.Normalise(_own.Thread);
            if (made)
            {
                AssertRegisters(left, at);
                Assert.Equal((at, 0u, 0u), (at, Inside, Busy));
            }
            else
            {
                AssertRegisters(start with { Rip = stub.Enclu }, at);
                Assert.Equal((at, 1u, SlotNumber + 1u), (at, Inside, Busy));
            }
        });
        Assert.Equal(leaf == Eexit, decided);
        Assert.True(steps > 4);
    }

    [Fact]
    public void A_TCS_that_another_thread_has_taken_meanwhile_stays_taken()
    {
        // The store that frees the TCS is not the exit stub's last instruction.
        Run(AtEnclu, _code, StubAddress, _enclave + Oentry);
        ExitStubCode stub = ExitStub.Assemble(0x5000_0000, Site);
        _path.Stubs.Add(stub);
        const uint other = SlotNumber + 5;
        const ulong target = 0x40_3000;
        var processor = new StubProcessor(_own.Space.Memory, stub.Start, stub.Code)
        {
            State = Entered with { Rip = stub.Start, Rax = Eexit, Rbx = target },
        };
        while (Busy != 0)
        {
            processor.Step();
        }

        Busy = other;
        int looked = 0;
        for (; processor.State.Rip != target; processor.Step(), looked++)
        {
            _own.Thread.Registers = processor.State;
            Assert.True(_path.Normalise(_own.Thread));
            Assert.Equal((target, other), (_own.Thread.Registers.Rip, Busy));
        }

        Assert.NotEqual(0, looked);
    }

    [Fact]
    public void An_exit_without_a_slot_is_the_tracers()
    {
        ExitStubCode stub = ExitStub.Assemble(0x5000_0000, Site);
        _path.Stubs.Add(stub);
        UserRegisters start = Entered with { Rip = stub.Start, Rax = Eexit, Rbx = 0x40_3000, Es = 0 };
        for (int count = 0; count < 8; count++)
        {
            var processor = new StubProcessor(_own.Space.Memory, stub.Start, stub.Code) { State = start };
            for (int i = 0; i < count; i++)
            {
                processor.Step();
            }

            _own.Thread.Registers = processor.State;
            Assert.True(_path.Normalise(_own.Thread));

            // RCX is EEXIT's result only. SDM 3D, EEXIT.
            AssertRegisters(start with { Rip = stub.Enclu, Rcx = _own.Thread.Registers.Rcx }, processor.State.Rip);
        }
    }
}
