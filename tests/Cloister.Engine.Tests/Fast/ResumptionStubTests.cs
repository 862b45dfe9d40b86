using System.Runtime.InteropServices;
using Cloister.Engine.Stubs;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Fast;

/// <summary>Resumptions that a stub makes.</summary>
public sealed class ResumptionStubTests : FastPathTestCase
{
    [Fact]
    public void A_resumption_is_made_or_not_made_at_every_instruction()
    {
        UserRegisters start = AtEnclu with { Rax = Eresume };
        UserRegisters resumed = Interrupt();
        bool hasResumed = false;
        int steps = Sweep(start, _code, StubAddress, resumed.Rip, at =>
        {
            bool made = _processor!.RestoredFrom != 0;
            Assert.True(made || !hasResumed);
            hasResumed = made;
            _ = _path.Normalise(_own.Thread);
            if (!made)
            {
                AssertRegisters(start with { Rip = _stub.Enclu }, at);
                Assert.Equal((at, 0u, 0u, 1ul), (at, Inside, Busy, Cssa));
                return;
            }

            AssertRegisters(resumed, at);
            Assert.Equal((at, 1u, SlotNumber + 1u, 1ul << 32), (at, Inside, Busy, Cssa));
            Assert.Equal((at, _enclave + 0x4000, 7ul), (at, _processor.RestoredFrom, _processor.RestoredComponents));
        });
        Assert.True(hasResumed);
        Assert.True(steps > 100);
    }

    [Theory]
    [InlineData("no frame is in use")]
    [InlineData("the tracer has to do it")]
    [InlineData("the gate is shut")]
    [InlineData("RIP is not canonical")]
    [InlineData("FS is not canonical")]
    [InlineData("GS is not canonical")]
    [InlineData("TF is set")]
    [InlineData("a reserved byte of the header is not zero")]
    [InlineData("a component is not in XFRM")]
    [InlineData("a reserved bit of MXCSR is set")]
    public void What_stands_against_a_resumption_leaves_it_to_the_ENCLU(string reason)
    {
        UserRegisters start = AtEnclu with { Rax = Eresume };
        _ = Interrupt();
        ulong frame = _enclave + 0x4000, gprsgx = frame + 0x1000 - 184, cssa = 1;
        switch (reason)
        {
            case "no frame is in use": Cssa = cssa = 0; break;
            case "the tracer has to do it": MemoryMarshal.Write(_file.Slice(Entry + FastLayout.EntryXfrm, 8), 0ul); break;
            case "the gate is shut": _path.Shut(); break;
            case "RIP is not canonical": Write(gprsgx + 136 + 6, [0x12]); break;
            case "FS is not canonical": Write(gprsgx + 168 + 5, [0x80]); break;
            case "GS is not canonical": Write(gprsgx + 176 + 7, [0xff]); break;
            case "TF is set": Write(gprsgx + 128 + 1, [0x03]); break;
            case "a reserved byte of the header is not zero": Write(frame + 575, [1]); break;
            case "a component is not in XFRM": Write(frame + 512, [0x0b]); break;
            case "a reserved bit of MXCSR is set": Write(frame + 27, [0x80]); break;
            default: throw new ArgumentException(reason);
        }

        _file.Slice(0, FastLayout.Notes).CopyTo(_tables);
        _ = Sweep(start, _code, StubAddress, _stub.Enclu, at =>
        {
            _ = _path.Normalise(_own.Thread);
            AssertRegisters(start with { Rip = _stub.Enclu }, at);
            Assert.Equal((at, 0u, 0u, cssa), (at, Inside, Busy, Cssa));
            Assert.Equal(0ul, _processor!.RestoredFrom);
        });
    }
}
