using System.Buffers.Binary;
using Cloister.Engine.Fast;
using Cloister.Engine.Platforms;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Cloister.Engine.Stubs;

/// <summary>EACCEPT in the enclave itself: a page that the tables say awaits just this SECINFO is accepted and noted,
/// any other goes to the ENCLU.</summary>
/// <remarks>
/// It is reached with RCX 0 and the page in RAX, needs no stack, and leaves no trace in a flag when it goes to the ENCLU. The thread first
/// says that it is at work and then reads the gate; the tracer shuts the gate and then looks who is at work. The tracer reads the notes at
/// the next stop of any thread and makes the model follow (<see cref="Accepts"/>).
/// </remarks>
internal sealed class AcceptStub
{
    private const int Eaccept = 5;

    /// <summary>The page is in RAX.</summary>
    public Label Start;
    /// <summary>The page is in the slot, whose address is in RCX; RAX is free.</summary>
    public Label PageSaved;
    /// <summary>RDX, RSI and the flags are in the slot.</summary>
    public Label Saved;
    /// <summary>The page is this thread's, and not noted yet.</summary>
    public Label Committed;
    /// <summary>The page is noted.</summary>
    public Label Noted;
    /// <summary>The way to the ENCLU.</summary>
    public Label Slow;

    /// <summary>Emits the stub.</summary>
    /// <param name="a">Where to.</param>
    /// <param name="start">Its first instruction.</param>
    /// <param name="next">The address behind the program's ENCLU.</param>
    /// <param name="enclu">The ENCLU that stops.</param>
    public void Emit(Assembler a, ref Label start, ulong next, Label enclu)
    {
        PageSaved = a.CreateLabel();
        Saved = a.CreateLabel();
        Committed = a.CreateLabel();
        Noted = a.CreateLabel();
        Slow = a.CreateLabel();

        // The slot's address without a flag or another register: BSWAP brings the upper half where LEA can add to it. In two parts, for a
        // displacement has a sign, and one below zero takes 1 from what stands above.
        a.Label(ref start);
        Start = start;
        a.mov(ecx, es);
        a.lea(rcx, __qword_ptr[rcx * 8]);
        a.lea(rcx, __qword_ptr[rcx * 8 + (int)(FastLayout.SlotBias & 0xffffffff)]);
        a.bswap(rcx);
        uint upper = BinaryPrimitives.ReverseEndianness((uint)(FastLayout.SlotBias >> 32));
        a.lea(rcx, __qword_ptr[rcx + (int)(upper / 2)]);
        a.lea(rcx, __qword_ptr[rcx + (int)(upper - (upper / 2))]);
        a.bswap(rcx);
        a.mov(__qword_ptr[rcx + FastLayout.SlotPage], rax);
        a.Label(ref PageSaved);
        a.mov(__qword_ptr[rcx + FastLayout.SlotRdx], rdx);
        a.mov(__qword_ptr[rcx + FastLayout.SlotRsi], rsi);
        a.lahf();
        a.seto(al);
        a.mov(__dword_ptr[rcx + FastLayout.SlotFlags], eax);
        a.Label(ref Saved);
        a.mov(edx, 1);
        a.xchg(__dword_ptr[rcx + FastLayout.SlotAccepting], edx);
        a.mov(rsi, Area.Fast + FastLayout.Gate);
        a.cmp(__dword_ptr[rsi], 0);
        a.je(Slow);
        a.cmp(__dword_ptr[rcx + FastLayout.SlotNotes], FastLayout.NotesLength);
        a.je(Slow);

        // The tables of this enclave, and both operands in its range: SDM 3D, EACCEPT.
        a.mov(rsi, __qword_ptr[rcx + FastLayout.SlotEntry]);
        a.mov(rsi, __qword_ptr[rsi + FastLayout.EntryAwaited]);
        a.test(rsi, rsi);
        a.je(Slow);
        a.mov(rdx, __qword_ptr[rcx + FastLayout.SlotPage]);
        a.test(edx, 0xfff);
        a.jne(Slow);
        a.sub(rdx, __qword_ptr[rsi + AwaitedPages.BaseOffset]);
        a.cmp(rdx, __qword_ptr[rsi + AwaitedPages.SizeOffset]);
        a.jae(Slow);
        a.test(ebx, 63);
        a.jne(Slow);
        a.mov(rax, rbx);
        a.sub(rax, __qword_ptr[rsi + AwaitedPages.BaseOffset]);
        a.cmp(rax, __qword_ptr[rsi + AwaitedPages.SizeOffset]);
        a.jae(Slow);
        a.shr(rdx, 11);
        a.lea(rdx, __qword_ptr[rdx + rsi + AwaitedPages.PagesOffset]);

        // SECINFO: nothing in the reserved bytes, and the flags that the page awaits.
        a.mov(rax, __qword_ptr[rbx + 8]);
        for (int field = 16; field < 64; field += 8)
        {
            a.or(rax, __qword_ptr[rbx + field]);
        }

        a.jne(Slow);
        a.mov(rax, __qword_ptr[rbx]);
        a.mov(rsi, rax);
        a.shr(rsi, 16);
        a.jne(Slow);
        a.test(eax, eax);
        a.je(Slow);
        a.@lock.cmpxchg(__word_ptr[rdx], si);
        a.jne(Slow);
        a.Label(ref Committed);
        a.mov(esi, __dword_ptr[rcx + FastLayout.SlotNotes]);
        a.mov(rdx, __qword_ptr[rcx + FastLayout.SlotNotesAddress]);
        a.mov(rax, __qword_ptr[rcx + FastLayout.SlotPage]);
        a.mov(__qword_ptr[rdx + rsi * 8], rax);
        a.inc(__dword_ptr[rcx + FastLayout.SlotNotes]);
        a.Label(ref Noted);
        a.mov(__dword_ptr[rcx + FastLayout.SlotAccepting], 0);
        a.mov(rdx, __qword_ptr[rcx + FastLayout.SlotRdx]);
        a.mov(rsi, __qword_ptr[rcx + FastLayout.SlotRsi]);

        // RAX is 0 and so are the flags: SDM 3D, EACCEPT.
        a.mov(eax, 1);
        a.add(eax, 0);
        a.mov(eax, 0);
        a.mov(rcx, __qword_ptr[rcx + FastLayout.SlotPage]);
        a.jmp(next);

        a.Label(ref Slow);
        a.mov(__dword_ptr[rcx + FastLayout.SlotAccepting], 0);
        a.mov(rdx, __qword_ptr[rcx + FastLayout.SlotRdx]);
        a.mov(rsi, __qword_ptr[rcx + FastLayout.SlotRsi]);
        a.mov(eax, __dword_ptr[rcx + FastLayout.SlotFlags]);
        a.add(al, 0x7f);
        a.sahf();
        a.mov(eax, Eaccept);
        a.mov(rcx, __qword_ptr[rcx + FastLayout.SlotPage]);
        a.jmp(enclu);
    }

    /// <summary>The addresses of the labels once assembled.</summary>
    public AcceptStubAddresses Addresses(AssemblerResult result, ulong next) => new(
        result.GetLabelRIP(Start), result.GetLabelRIP(PageSaved), result.GetLabelRIP(Saved), result.GetLabelRIP(Committed),
        result.GetLabelRIP(Noted), result.GetLabelRIP(Slow), next);
}

/// <summary>Where the labels of an <see cref="AcceptStub"/> came to lie, and where it goes on.</summary>
internal sealed record AcceptStubAddresses(ulong Start, ulong PageSaved, ulong Saved, ulong Committed, ulong Noted, ulong Slow, ulong Next);
