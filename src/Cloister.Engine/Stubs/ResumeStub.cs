using Cloister.Architecture;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Cloister.Engine.Stubs;

/// <summary>ERESUME in the program itself, the part of an <see cref="EnterStub"/> that is its own: SDM 3D, ERESUME,
/// where nothing stands against it.</summary>
/// <remarks>
/// The TCS is taken, RSI its entry, RDX the slot, EAX CSSA. What can fail comes first, XRSTOR last of it: a thread that stops before is put
/// back to the ENCLU, one that stops behind has resumed. The registers are copied to the slot, so that the tracer can
/// give them to the thread when the frame is gone already.
/// </remarks>
internal sealed class ResumeStub
{
    private const int FsBase = 168, GsBase = 176, Rflags = 128, Rip = 136, Rsp = 32, Copied = 144;
    private const int XstateBv = 512, Reserved = 520, HeaderEnd = 576, Mxcsr = 24, ReservedMxcsr = unchecked((int)0xffff0000);
    private const int UserAddressBits = 47;

    /// <summary>Its first instruction.</summary>
    public Label Start;
    /// <summary>XRSTOR is done: there is no way back.</summary>
    public Label Restored;
    /// <summary>The instruction that takes CSSA down.</summary>
    public Label TakesCssa;
    /// <summary>The instruction by which the thread counts as inside.</summary>
    public Label Commits;
    /// <summary>Behind it all.</summary>
    public Label End;

    /// <summary>Emits it.</summary>
    /// <param name="a">Where to.</param>
    /// <param name="start">Its first instruction.</param>
    /// <param name="release">The way to the ENCLU, for a thread that has taken the TCS.</param>
    public void Emit(Assembler a, ref Label start, Label release)
    {
        Restored = a.CreateLabel();
        TakesCssa = a.CreateLabel();
        Commits = a.CreateLabel();
        End = a.CreateLabel();
        Label copy = a.CreateLabel();
        a.Label(ref start);
        Start = start;

        // SDM 3D, ERESUME: a frame must be in use.
        a.sub(eax, 1);
        a.jb(release);
        a.cmp(__qword_ptr[rsi + FastLayout.EntryXfrm], 0);
        a.je(release);
        EnterStub.FindFrame(a);
        a.mov(rcx, rax);
        a.add(rcx, __qword_ptr[rsi + FastLayout.EntryFrameLength]);
        a.sub(rcx, Gprsgx.SizeInBytes);
        a.@lock.or(__dword_ptr[rcx], 0);

        // RCX is GPRSGX.
        a.mov(esi, Copied / 8);
        a.Label(ref copy);
        a.mov(rax, __qword_ptr[rcx + rsi * 8 - 8]);
        a.mov(__qword_ptr[rdx + rsi * 8 + (FastLayout.SlotRegisters - 8)], rax);
        a.dec(esi);
        a.jne(copy);

        // SDM 3D, ERESUME: RIP, FS and GS are canonical; what lies in the kernel's half is left to the tracer.
        a.mov(rsi, __qword_ptr[rcx + FsBase]);
        a.mov(__qword_ptr[rdx + FastLayout.SlotResumeFsBase], rsi);
        a.mov(rax, __qword_ptr[rcx + GsBase]);
        a.mov(__qword_ptr[rdx + FastLayout.SlotResumeGsBase], rax);
        a.or(rax, rsi);
        a.mov(rsi, __qword_ptr[rdx + FastLayout.SlotEntry]);
        a.or(rax, __qword_ptr[rdx + (FastLayout.SlotRegisters + Rip)]);
        a.shr(rax, UserAddressBits);
        a.jne(release);
        a.test(__dword_ptr[rdx + (FastLayout.SlotRegisters + Rflags)], 0x100);
        a.jne(release);

        // RCX is the frame. SDM 1, "XRSTOR": what raises #GP; SDM 3D, ERESUME: XSTATE_BV is a subset of XFRM.
        a.add(rcx, Gprsgx.SizeInBytes);
        a.sub(rcx, __qword_ptr[rsi + FastLayout.EntryFrameLength]);
        a.mov(rax, __qword_ptr[rcx + Reserved]);
        for (int field = Reserved + 8; field < HeaderEnd; field += 8)
        {
            a.or(rax, __qword_ptr[rcx + field]);
        }

        a.jne(release);
        a.mov(rax, __qword_ptr[rsi + FastLayout.EntryXfrm]);
        a.not(rax);
        a.test(__qword_ptr[rcx + XstateBv], rax);
        a.jne(release);
        a.test(__dword_ptr[rcx + Mxcsr], ReservedMxcsr);
        a.jne(release);
        a.mov(rax, __qword_ptr[rdx + (FastLayout.SlotRegisters + Rsp)]);
        a.mov(__qword_ptr[rsi + FastLayout.EntryResumeRsp], rax);
        a.mov(rax, __qword_ptr[rdx + (FastLayout.SlotRegisters + Rip)]);
        a.mov(__qword_ptr[rsi + FastLayout.EntryResumeRip], rax);
        a.inc(__qword_ptr[rdx + FastLayout.SlotCount]);
        a.inc(__qword_ptr[rdx + FastLayout.SlotResumes]);
        a.mov(rax, __qword_ptr[rsi + FastLayout.EntryXfrm]);
        a.mov(rsi, rcx);
        a.mov(rcx, rdx);
        a.mov(rdx, rax);
        a.shr(rdx, 32);
        a.xrstor64(__[rsi]);
        a.Label(ref Restored);
        a.mov(rax, __qword_ptr[rcx + FastLayout.SlotResumeFsBase]);
        a.wrfsbase(rax);
        a.mov(rax, __qword_ptr[rcx + FastLayout.SlotResumeGsBase]);
        a.wrgsbase(rax);
        a.mov(rsi, __qword_ptr[rcx + FastLayout.SlotEntry]);

        // One less in the lower half, one more in the upper.
        a.mov(eax, uint.MaxValue);
        a.Label(ref TakesCssa);
        a.add(__qword_ptr[rsi + FastLayout.EntryCssa], rax);
        a.Label(ref Commits);
        a.mov(__dword_ptr[rcx + FastLayout.SlotInside], 1);
        a.lea(rsp, __qword_ptr[rcx + FastLayout.SlotRegisters]);
        a.jmp(__qword_ptr[rsi + FastLayout.EntryResumeTail]);
        a.Label(ref End);
        a.nop();
    }

    /// <summary>The addresses of the labels once assembled.</summary>
    public ResumeStubAddresses Addresses(AssemblerResult result) => new(
        result.GetLabelRIP(Start), result.GetLabelRIP(Restored), result.GetLabelRIP(TakesCssa), result.GetLabelRIP(Commits),
        result.GetLabelRIP(End));
}

/// <summary>Where the labels of a <see cref="ResumeStub"/> came to lie.</summary>
internal sealed record ResumeStubAddresses(ulong Start, ulong Restored, ulong TakesCssa, ulong Commits, ulong End)
{
    /// <summary>Whether a thread that stops at RIP has resumed.</summary>
    public bool HasResumed(ulong rip) => rip >= Restored && rip < End;
}
