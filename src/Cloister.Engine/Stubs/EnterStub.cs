using Cloister.Architecture;
using Cloister.Engine.Platforms;
using Cloister.Processor.Enclu;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Cloister.Engine.Stubs;

/// <summary>EENTER in the program itself: what the leaf does when nothing stands against it, else the ENCLU that stops. ERESUME is
/// <see cref="ResumeStub"/>'s.</summary>
/// <remarks>
/// The order is what makes it safe against the tracer: first the TCS is taken, then the gate is read; the tracer shuts the gate and then
/// looks who has a TCS. A stop in the middle is put back to the ENCLU or completed by <c>StubPlaces.Normalise</c>, which knows from
/// these labels what is on the stack.
/// </remarks>
/// <param name="switchesView">Whether it shows the enclaves, which are hidden while nobody is inside.</param>
internal sealed class EnterStub(bool switchesView = false)
{
    private const int RedZone = 128, Pushed = 24, Eenter = 2, Eresume = 3;

    // The ends of URSP and URBP in a frame, whose last 184 bytes are GPRSGX. SDM 3D, "GPRSGX Region".
    private const int UrspFromEnd = 144 - Gprsgx.SizeInBytes, UrbpFromEnd = 152 - Gprsgx.SizeInBytes;

    private readonly ResumeStub _resume = new();
    private readonly ViewSwitch? _view = switchesView ? new ViewSwitch() : null;

    /// <summary>Nothing done yet.</summary>
    public Label Start;
    /// <summary>The stack pointer is below the red zone.</summary>
    public Label Below;
    /// <summary>RFLAGS is pushed.</summary>
    public Label FlagsPushed;
    /// <summary>RDX is pushed.</summary>
    public Label RdxPushed;
    /// <summary>RSI is pushed.</summary>
    public Label RsiPushed;
    /// <summary>The AEP and the leaf are in the slot, and RCX is free.</summary>
    public Label AepStored;
    /// <summary>FS and GS are the enclave's.</summary>
    public Label Switched;
    /// <summary>The thread counts as inside.</summary>
    public Label Committed;
    /// <summary>The way to the ENCLU: all is on the stack still.</summary>
    public Label Slow;
    /// <summary>RSI is popped.</summary>
    public Label RsiPopped;
    /// <summary>RDX is popped.</summary>
    public Label RdxPopped;
    /// <summary>RFLAGS is popped.</summary>
    public Label FlagsPopped;
    /// <summary>The ENCLU that stops.</summary>
    public Label Enclu;

    /// <summary>Emits the stub, which ends in the ENCLU. RAX, RBX and RCX are EENTER's operands.</summary>
    /// <param name="a">Where to.</param>
    /// <param name="returnTo">Loads RCX with what the enclave gets in it: the address behind the program's ENCLU.</param>
    /// <param name="start">Label of its first instruction.</param>
    /// <param name="enclu">Label of the ENCLU.</param>
    public void Emit(Assembler a, Action<Assembler> returnTo, ref Label start, ref Label enclu)
    {
        Start = start;
        Below = a.CreateLabel();
        FlagsPushed = a.CreateLabel();
        RdxPushed = a.CreateLabel();
        RsiPushed = a.CreateLabel();
        AepStored = a.CreateLabel();
        Switched = a.CreateLabel();
        Committed = a.CreateLabel();
        Slow = a.CreateLabel();
        RsiPopped = a.CreateLabel();
        RdxPopped = a.CreateLabel();
        FlagsPopped = a.CreateLabel();
        Enclu = enclu;
        Label release = a.CreateLabel(), restore = a.CreateLabel(), resume = a.CreateLabel();

        a.Label(ref start);
        Start = start;
        a.lea(rsp, __qword_ptr[rsp - RedZone]);
        a.Label(ref Below);
        a.pushfq();
        a.Label(ref FlagsPushed);
        a.push(rdx);
        a.Label(ref RdxPushed);
        a.push(rsi);
        a.Label(ref RsiPushed);
        a.lea(edx, __qword_ptr[rax - Eenter]);
        a.cmp(edx, Eresume - Eenter);
        a.ja(Slow);
        a.mov(edx, es);
        a.test(edx, edx);
        a.je(Slow);
        a.mov(rsi, FastLayout.SlotBias);
        a.lea(rdx, __qword_ptr[rdx * 8]);
        a.lea(rdx, __qword_ptr[rsi + rdx * 8]);
        a.mov(__dword_ptr[rdx + FastLayout.SlotLeaf], eax);
        a.mov(__qword_ptr[rdx + FastLayout.SlotAep], rcx);
        a.Label(ref AepStored);
        a.mov(rsi, rbx);
        a.shr(rsi, 12);
        a.mov(rcx, FastLayout.HashMultiplier);
        a.imul(rsi, rcx);
        a.shr(rsi, 64 - FastLayout.TableBits);
        a.shl(rsi, FastLayout.EntryBits);
        a.mov(rcx, Area.Fast + FastLayout.Table);
        a.add(rsi, rcx);
        a.cmp(__qword_ptr[rsi], rbx);
        a.jne(restore);
        a.mov(ecx, __dword_ptr[rdx + FastLayout.SlotNumber]);
        a.xor(eax, eax);
        a.@lock.cmpxchg(__dword_ptr[rsi + FastLayout.EntryBusy], ecx);
        a.jne(restore);
        a.mov(rcx, Area.Fast + FastLayout.Gate);
        a.cmp(__dword_ptr[rcx], 0);
        a.je(release);

        // The entry may have become another's between the comparison and the taking.
        a.cmp(__qword_ptr[rsi], rbx);
        a.jne(release);
        a.mov(__qword_ptr[rdx + FastLayout.SlotEntry], rsi);
        a.rdfsbase(rax);
        a.mov(__qword_ptr[rdx + FastLayout.SlotFsBase], rax);
        a.rdgsbase(rax);
        a.mov(__qword_ptr[rdx + FastLayout.SlotGsBase], rax);
        a.mov(eax, __dword_ptr[rsi + FastLayout.EntryCssa]);
        a.cmp(__dword_ptr[rdx + FastLayout.SlotLeaf], Eresume);
        a.je(resume);
        a.cmp(eax, __dword_ptr[rsi + FastLayout.EntryNssa]);
        a.jae(release);
        if (_view is not null)
        {
            _view.EmitEnter(a, release);
            a.mov(eax, __dword_ptr[rsi + FastLayout.EntryCssa]);
        }

        FindFrame(a);
        a.add(rax, __qword_ptr[rsi + FastLayout.EntryFrameLength]);
        a.lea(rcx, __qword_ptr[rsp + RedZone + Pushed]);
        a.mov(__qword_ptr[rax + UrspFromEnd], rcx);
        a.mov(__qword_ptr[rax + UrbpFromEnd], rbp);
        a.mov(rax, __qword_ptr[rsi + FastLayout.EntryFsBase]);
        a.wrfsbase(rax);
        a.Label(ref Switched);
        a.mov(rax, __qword_ptr[rsi + FastLayout.EntryGsBase]);
        a.wrgsbase(rax);
        a.inc(__qword_ptr[rdx + FastLayout.SlotCount]);
        returnTo(a);
        a.mov(eax, __dword_ptr[rsi + FastLayout.EntryCssa]);
        a.mov(__dword_ptr[rdx + FastLayout.SlotInside], 1);
        a.Label(ref Committed);
        a.jmp(__qword_ptr[rsi + FastLayout.EntryTail]);
        _resume.Emit(a, ref resume, release);

        a.Label(ref release);
        a.mov(__dword_ptr[rsi + FastLayout.EntryBusy], 0);
        a.Label(ref restore);
        a.mov(eax, __dword_ptr[rdx + FastLayout.SlotLeaf]);
        a.mov(rcx, __qword_ptr[rdx + FastLayout.SlotAep]);
        a.Label(ref Slow);
        a.pop(rsi);
        a.Label(ref RsiPopped);
        a.pop(rdx);
        a.Label(ref RdxPopped);
        a.popfq();
        a.Label(ref FlagsPopped);
        a.lea(rsp, __qword_ptr[rsp + RedZone]);
        a.Label(ref enclu);
        Enclu = enclu;
        a.db(EncluInstruction.Opcode.ToArray());
    }

    /// <summary>RAX becomes the address of the frame whose number it is, of the entry in RSI; RCX is used.</summary>
    /// <remarks>All pages that EENTER and ERESUME want to write to must be there: a fault here sends the thread to
    /// the ENCLU. SDM 3D, EENTER.</remarks>
    public static void FindFrame(Assembler a)
    {
        Label next = a.CreateLabel(), found = a.CreateLabel();
        a.imul(rax, __qword_ptr[rsi + FastLayout.EntryFrameLength]);
        a.add(rax, __qword_ptr[rsi + FastLayout.EntryFrame]);
        a.mov(ecx, __dword_ptr[rsi + FastLayout.EntryXsaveLength]);
        a.Label(ref next);
        a.sub(ecx, 4096);
        a.jb(found);
        a.@lock.or(__dword_ptr[rax + rcx], 0);
        a.jmp(next);
        a.Label(ref found);
        a.nop();
    }

    /// <summary>The addresses of the labels once assembled.</summary>
    public EnterStubAddresses Addresses(AssemblerResult result) => new(
        result.GetLabelRIP(Start), result.GetLabelRIP(Below), result.GetLabelRIP(FlagsPushed), result.GetLabelRIP(RdxPushed),
        result.GetLabelRIP(RsiPushed),
        result.GetLabelRIP(AepStored), result.GetLabelRIP(Switched), result.GetLabelRIP(Committed),
        result.GetLabelRIP(Slow), result.GetLabelRIP(RsiPopped), result.GetLabelRIP(RdxPopped), result.GetLabelRIP(FlagsPopped),
        result.GetLabelRIP(Enclu),
        _resume.Addresses(result), _view?.EnterAddresses(result));
}

/// <summary>Where the labels of an <see cref="EnterStub"/> came to lie.</summary>
internal sealed record EnterStubAddresses(
    ulong Start, ulong Below, ulong FlagsPushed, ulong RdxPushed, ulong RsiPushed, ulong AepStored, ulong Switched, ulong Committed,
    ulong Slow, ulong RsiPopped, ulong RdxPopped, ulong FlagsPopped, ulong Enclu, ResumeStubAddresses Resume, ViewSwitchAddresses? View)
{
    /// <summary>Whether a stop at RIP is in the middle of the stub.</summary>
    public bool Contains(ulong rip) => rip >= Start && rip < Enclu;

    /// <summary>How many of the four steps down the stack (red zone, RFLAGS, RDX, RSI) stand at RIP.</summary>
    public int Depth(ulong rip) => rip switch
    {
        _ when rip >= FlagsPopped => 1,
        _ when rip >= RdxPopped => 2,
        _ when rip >= RsiPopped => 3,
        _ when rip >= RsiPushed => 4,
        _ when rip >= RdxPushed => 3,
        _ when rip >= FlagsPushed => 2,
        _ when rip >= Below => 1,
        _ => 0,
    };
}
