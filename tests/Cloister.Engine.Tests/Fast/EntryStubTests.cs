using Cloister.Engine.Platforms;
using Cloister.Engine.Stubs;
using Cloister.Engine.Vdso;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Fast;

/// <summary>Entries that a stub makes.</summary>
public sealed class EntryStubTests : FastPathTestCase
{
    [Fact]
    public void An_entry_is_made_or_not_made_at_every_instruction()
    {
        bool committed = false;
        int steps = Sweep(AtEnclu, _code, StubAddress, _enclave + Oentry, at =>
        {
            // It counts from the store that says so: the stub's label is behind it.
            bool made = Inside != 0;
            Assert.True(made || !committed);
            committed = made;
            _ = _path.Normalise(_own.Thread);
            if (made)
            {
                AssertRegisters(Entered, at);
                Assert.Equal((at, 1u, SlotNumber + 1u), (at, Inside, Busy));
                AssertFrame();
            }
            else
            {
                AssertRegisters(AtEnclu with { Rip = _stub.Enclu }, at);
                Assert.Equal((at, 0u, 0u), (at, Inside, Busy));
            }
        });
        Assert.True(committed);
        Assert.True(steps > 40);
    }

    [Theory]
    [InlineData("the gate is shut")]
    [InlineData("another thread is in the TCS")]
    [InlineData("the TCS is unknown")]
    [InlineData("it is neither EENTER nor ERESUME")]
    [InlineData("no frame is free")]
    [InlineData("the thread has no slot")]
    public void What_stands_against_an_entry_leaves_it_to_the_ENCLU(string reason)
    {
        UserRegisters start = AtEnclu;
        uint busy = 0;
        switch (reason)
        {
            case "the gate is shut": _path.Shut(); break;
            case "another thread is in the TCS": Busy = busy = SlotNumber + 5; break;
            case "the TCS is unknown": start.Rbx += 0x10000; break;
            case "it is neither EENTER nor ERESUME": start.Rax = Eexit; break;
            case "no frame is free": Cssa = 2; break;
            default: start.Es = 0; break;
        }

        _file.Slice(0, FastLayout.Notes).CopyTo(_tables);
        _ = Sweep(start, _code, StubAddress, _stub.Enclu, at =>
        {
            _ = _path.Normalise(_own.Thread);
            AssertRegisters(start with { Rip = _stub.Enclu }, at);
            Assert.Equal((at, 0u, busy), (at, Inside, Busy));
        });
    }

    [Fact]
    public void The_vdsos_stub_is_known_though_it_was_written_later()
    {
        VdsoImage vdso = VdsoImage.Build([], fast: true);
        _own.Space.Vdso = vdso;
        vdso.WriteFunction(vdso.Bytes);
        _own.Thread.Registers = AtEnclu with { Rip = vdso.Stub!.Below, Rsp = AtEnclu.Rsp - 128 };
        Assert.True(_path.Normalise(_own.Thread));
        AssertRegisters(AtEnclu with { Rip = vdso.Enclu!.Value }, vdso.Stub.Below);
    }

    [Fact]
    public void Elsewhere_nothing_is_changed()
    {
        foreach (ulong rip in (ulong[])[StubAddress - 1, _stub.Enclu, _stub.Enclu + 3, Area.Fast, 0x1234])
        {
            _own.Thread.Registers = AtEnclu with { Rip = rip };
            Assert.False(_path.Normalise(_own.Thread));
            AssertRegisters(AtEnclu with { Rip = rip }, rip);
        }
    }
}
