using System.Runtime.InteropServices;
using Cloister.Engine.Platforms;
using Cloister.Engine.Stubs;
using Cloister.Engine.Tests.Fast;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Stubs;

/// <summary><see cref="Tail"/>: the last registers come back, and the enclave runs.</summary>
public sealed class TailTests : FastPathTestCase
{
    private const int Index = 5;
    private const ulong Target = 0x1234_5000, TailAddress = Area.Fast + FastLayout.Tails + Index * FastLayout.TailLength;

    [Fact]
    public void An_entry_goes_where_its_own_tail_says()
    {
        UserRegisters end = Run(0, [0x11, 0x22, Flags], 3 + 1 + 1);

        Assert.Equal((0x11UL, 0x22UL, Flags, Target), (end.Rsi, end.Rdx, end.Rflags, end.Rip));
        Assert.Equal(_memory + 0x2000 + 24 + 128, end.Rsp);
    }

    [Fact]
    public void A_resumption_has_each_register_of_GPRSGX_and_goes_where_the_entry_says()
    {
        // RSP stands in the frame as well, and comes from the entry. SDM 3D, GPRSGX.
        ulong entry = Area.Fast + FastLayout.Table + Index * FastLayout.EntryLength;
        Write(entry + FastLayout.EntryResumeRsp, BitConverter.GetBytes(0x5555UL));
        Write(entry + FastLayout.EntryResumeRip, BitConverter.GetBytes(0x6666UL));
        UserRegisters end = Run(FastLayout.ResumeTail, [.. Enumerable.Range(0, 16).Select(i => 0x100UL + (ulong)i), Flags], 16 + 1 + 1 + 1);

        Assert.Equal((0x100UL, 0x101UL, 0x102UL, 0x103UL), (end.Rax, end.Rcx, end.Rdx, end.Rbx));
        Assert.Equal((0x5555UL, 0x105UL, 0x106UL, 0x107UL), (end.Rsp, end.Rbp, end.Rsi, end.Rdi));
        Assert.Equal((0x108UL, 0x109UL, 0x10aUL, 0x10bUL), (end.R8, end.R9, end.R10, end.R11));
        Assert.Equal((0x10cUL, 0x10dUL, 0x10eUL, 0x10fUL), (end.R12, end.R13, end.R14, end.R15));
        Assert.Equal((Flags, 0x6666UL), (end.Rflags, end.Rip));
    }

    [Fact]
    public void Each_part_has_its_place()
    {
        byte[] code = Tail.Assemble(Index);

        Assert.Equal(FastLayout.TailLength, code.Length);
        Assert.True(Tail.Target + sizeof(ulong) <= FastLayout.ResumeTail);
        Assert.All(code[Tail.Target..FastLayout.ResumeTail], unused => Assert.Equal(0, unused));
    }

    private UserRegisters Run(int offset, ulong[] stack, int instructions)
    {
        byte[] code = Tail.Assemble(Index);
        MemoryMarshal.Write(code.AsSpan(Tail.Target), Target);
        code.CopyTo(_file.Slice(FastLayout.Tails + Index * FastLayout.TailLength, code.Length));
        ulong rsp = _memory + 0x2000;
        Write(rsp, MemoryMarshal.AsBytes<ulong>(stack).ToArray());
        var processor = new StubProcessor(_own.Space.Memory, TailAddress, code)
        {
            State = new UserRegisters { Rip = TailAddress + (ulong)offset, Rsp = rsp },
        };
        for (int i = 0; i < instructions; i++)
        {
            processor.Step();
        }

        return processor.State;
    }
}
