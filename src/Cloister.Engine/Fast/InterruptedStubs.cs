using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Stubs;
using Cloister.Linux;
using Cloister.Processor.Enclu;

namespace Cloister.Engine.Fast;

/// <summary>Puts a thread that stops in the middle of a stub before it or behind it: what the stub did is undone, or done to its
/// end.</summary>
/// <param name="tables">What the stubs read and write.</param>
/// <param name="freeEntry">Frees the TCS that a slot has taken.</param>
internal sealed class InterruptedStubs(FastTables tables, Action<int> freeEntry)
{
    private const ulong NotArithmetic = ~0x8d5UL;

    /// <summary>Goes on behind the tail of an entry.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="number">Its slot.</param>
    /// <param name="index">The entry.</param>
    /// <param name="offset">Where in the tail it stands.</param>
    public void FinishTail(TracedThread thread, int number, int index, ulong offset)
    {
        if (offset >= FastLayout.ResumeTail)
        {
            FinishResume(thread, number);
            return;
        }

        // pop rsi, pop rdx and popfq are one byte each; lea rsp and the jump follow.
        ref UserRegisters r = ref thread.Registers;
        int popped = (int)Math.Min(offset, 3);
        Span<byte> stack = stackalloc byte[24];
        int left = Math.Max(0, 3 - popped);
        _ = thread.Space.Memory.TryRead(r.Rsp, stack[..(left * 8)]);
        int at = 0;
        ulong Next(Span<byte> s) => BinaryPrimitives.ReadUInt64LittleEndian(s[(at++ * 8)..]);
        if (popped < 1)
        {
            r.Rsi = Next(stack);
        }

        if (popped < 2)
        {
            r.Rdx = Next(stack);
        }

        if (popped < 3)
        {
            r.Rflags = Next(stack);
        }

        r.Rsp += (ulong)(left * 8);
        const int afterFlags = 3;
        if (offset <= afterFlags)
        {
            r.Rsp += 128;
        }

        Span<byte> code = stackalloc byte[FastLayout.TailLength];
        _ = thread.Space.Memory.TryPeek(Area.Fast + FastLayout.Tails + (ulong)(index * FastLayout.TailLength), code);
        r.Rip = BinaryPrimitives.ReadUInt64LittleEndian(code[Tail.Target..]);
    }

    // Everything but the extended state, which XRSTOR has loaded.
    private void FinishResume(TracedThread thread, int number)
    {
        int slot = FastTables.Slot(number);
        ref UserRegisters r = ref thread.Registers;
        ReadOnlySpan<ulong> saved = MemoryMarshal.Cast<byte, ulong>(tables.Slice(slot + FastLayout.SlotRegisters, 18 * sizeof(ulong)));
        (r.Rax, r.Rcx, r.Rdx, r.Rbx, r.Rsp, r.Rbp, r.Rsi, r.Rdi) = (saved[0], saved[1], saved[2], saved[3], saved[4], saved[5], saved[6],
            saved[7]);
        (r.R8, r.R9, r.R10, r.R11, r.R12, r.R13, r.R14, r.R15) = (saved[8], saved[9], saved[10], saved[11], saved[12], saved[13],
            saved[14], saved[15]);
        r.Rflags = (r.Rflags & ~Eresume.RestoredFlags) | (saved[16] & Eresume.RestoredFlags);
        r.Rip = saved[17];
        (r.FsBase, r.GsBase) = (tables.ReadU64(slot + FastLayout.SlotResumeFsBase), tables.ReadU64(slot + FastLayout.SlotResumeGsBase));
    }

    private void CompleteResume(TracedThread thread, int number, ResumeStubAddresses stub, ulong rip)
    {
        int slot = FastTables.Slot(number);
        if (rip <= stub.TakesCssa)
        {
            int cssa = tables.EntryOf(number) + FastLayout.EntryCssa;
            tables.WriteU64(cssa, tables.ReadU64(cssa) + uint.MaxValue);
        }

        tables.WriteU32(slot + FastLayout.SlotInside, 1);
        FinishResume(thread, number);
    }

    /// <summary>Puts it before an entry or a resumption, or behind it.</summary>
    public void Leave(TracedThread thread, int number, EnterStubAddresses stub, ulong rip)
    {
        int slot = FastTables.Slot(number < 0 ? 0 : number);
        if (stub.Resume.HasResumed(rip) && number >= 0)
        {
            CompleteResume(thread, number, stub.Resume, rip);
            return;
        }

        if (rip >= stub.Committed && rip < stub.Resume.Start && number >= 0 && tables.ReadU32(slot + FastLayout.SlotInside) != 0)
        {
            int index = (tables.EntryOf(number) - FastLayout.Table) / FastLayout.EntryLength;
            FinishTail(thread, number, index, 0);
            return;
        }

        ref UserRegisters r = ref thread.Registers;
        if (stub.View?.HasSaved(rip) == true)
        {
            (r.Rdi, r.R8) = (tables.ReadU64(slot + FastLayout.SlotRdi), tables.ReadU64(slot + FastLayout.SlotR8));
            (r.R9, r.R11) = (tables.ReadU64(slot + FastLayout.SlotR9), tables.ReadU64(slot + FastLayout.SlotR11));
        }

        int depth = stub.Depth(rip);
        Span<byte> stack = stackalloc byte[24];
        int pushed = Math.Max(0, depth - 1);
        _ = thread.Space.Memory.TryRead(r.Rsp, stack[..(pushed * 8)]);
        int at = 0;
        if (depth >= 4)
        {
            r.Rsi = BinaryPrimitives.ReadUInt64LittleEndian(stack[(at++ * 8)..]);
        }

        if (depth >= 3)
        {
            r.Rdx = BinaryPrimitives.ReadUInt64LittleEndian(stack[(at++ * 8)..]);
        }

        if (depth >= 2)
        {
            r.Rflags = BinaryPrimitives.ReadUInt64LittleEndian(stack[(at * 8)..]);
        }

        r.Rsp += (ulong)(pushed * 8) + (depth >= 1 ? 128UL : 0);
        if (rip >= stub.AepStored && rip < stub.Slow)
        {
            r.Rax = tables.ReadU32(slot + FastLayout.SlotLeaf);
            r.Rcx = tables.ReadU64(slot + FastLayout.SlotAep);
            if (rip >= stub.Switched && rip < stub.Committed)
            {
                r.FsBase = tables.ReadU64(slot + FastLayout.SlotFsBase);
                r.GsBase = tables.ReadU64(slot + FastLayout.SlotGsBase);
            }

            freeEntry(number);
        }

        r.Rip = stub.Enclu;
    }

    /// <summary>Puts it before an exit or an acceptance, or behind it.</summary>
    public void Leave(TracedThread thread, int number, ExitStubCode stub, ulong rip)
    {
        ref UserRegisters r = ref thread.Registers;
        const ulong eexit = 4, eaccept = 5;
        if (rip >= stub.Accept.Start)
        {
            LeaveAcceptStub(thread, number, stub, rip);
            return;
        }

        if (rip < stub.Enclu)
        {
            // Put back what was done to RAX and RCX, which hold each other's value.
            if (rip >= stub.Subtracted && rip < stub.Added)
            {
                r.Rcx += rip >= stub.SubtractedMore ? eaccept : eexit;
            }

            if (rip >= stub.Swapped)
            {
                (r.Rax, r.Rcx) = (r.Rcx, r.Rax);
            }

            r.Rip = stub.Enclu;
            return;
        }

        if (r.Es == 0)
        {
            // No slot to read: this exit is the tracer's.
            (r.Rax, r.Rip) = (eexit, stub.Enclu);
            return;
        }

        int slot = FastTables.Slot(number);
        if (stub.View?.HasSaved(rip) == true)
        {
            (r.Rdi, r.R8) = (tables.ReadU64(slot + FastLayout.SlotRdi), tables.ReadU64(slot + FastLayout.SlotR8));
            (r.R9, r.R11) = (tables.ReadU64(slot + FastLayout.SlotR9), tables.ReadU64(slot + FastLayout.SlotR11));
            (r.Rdx, r.Rsi) = (tables.ReadU64(slot + FastLayout.SlotRdx), tables.ReadU64(slot + FastLayout.SlotRsi));
            RestoreFlags(ref r, slot);
        }

        (r.FsBase, r.GsBase) = (tables.ReadU64(slot + FastLayout.SlotFsBase), tables.ReadU64(slot + FastLayout.SlotGsBase));
        tables.WriteU32(slot + FastLayout.SlotInside, 0);
        tables.WriteU32(slot + FastLayout.SlotSwitching, 0);

        // Behind the store that frees the TCS another thread may have taken it.
        int busy = tables.EntryOf(number) + FastLayout.EntryBusy;
        if (tables.ReadU32(busy) == (uint)number + 1)
        {
            tables.WriteU32(busy, 0);
        }

        (r.Rax, r.Rcx, r.Rip) = (eexit, tables.ReadU64(slot + FastLayout.SlotAep), r.Rbx);
    }

    private void LeaveAcceptStub(TracedThread thread, int number, ExitStubCode stub, ulong rip)
    {
        const ulong eaccept = 5;
        ref UserRegisters r = ref thread.Registers;
        int slot = FastTables.Slot(number < 0 ? 0 : number);
        AcceptStubAddresses accept = stub.Accept;
        if (rip < accept.PageSaved)
        {
            (r.Rcx, r.Rax, r.Rip) = (r.Rax, eaccept, stub.Enclu);
            return;
        }

        ulong page = tables.ReadU64(slot + FastLayout.SlotPage);
        bool accepted = rip >= accept.Committed && rip < accept.Slow;
        if (rip >= accept.Saved)
        {
            (r.Rdx, r.Rsi) = (tables.ReadU64(slot + FastLayout.SlotRdx), tables.ReadU64(slot + FastLayout.SlotRsi));
            RestoreFlags(ref r, slot);
            r.Rflags &= accepted ? NotArithmetic : ulong.MaxValue;
        }

        if (accepted && rip < accept.Noted)
        {
            int notes = (int)Math.Min(tables.ReadU32(slot + FastLayout.SlotNotes), FastLayout.NotesLength - 1);
            tables.WriteU64(FastTables.Notes(number) + notes * sizeof(ulong), page);
            tables.WriteU32(slot + FastLayout.SlotNotes, (uint)notes + 1);
        }

        tables.WriteU32(slot + FastLayout.SlotAccepting, 0);
        (r.Rax, r.Rcx, r.Rip) = accepted ? (0, page, accept.Next) : (eaccept, page, stub.Enclu);
    }

    // As LAHF and SETO have them.
    private void RestoreFlags(ref UserRegisters r, int slot)
    {
        uint flags = tables.ReadU32(slot + FastLayout.SlotFlags);
        r.Rflags = (r.Rflags & NotArithmetic) | (flags >> 8 & 0xd5) | (flags & 1) << 11;
    }
}
