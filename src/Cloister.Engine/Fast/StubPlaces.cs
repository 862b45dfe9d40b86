using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cloister.Driver;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Stubs;
using Cloister.Linux;
using Cloister.Processor.Enclu;

namespace Cloister.Engine.Fast;

/// <summary>The stubs of one address space: where they lie, and how a thread that stops in one is put before or behind it.</summary>
/// <param name="tables">What the stubs read and write.</param>
/// <param name="freeEntry">Frees the TCS that a slot has taken.</param>
internal sealed class StubPlaces(FastTables tables, Action<int> freeEntry)
{
    private readonly List<EnterStubAddresses> _enterStubs = [];
    private readonly List<ExitStubCode> _exitStubs = [];
    private readonly Dictionary<ulong, ulong> _siteOf = [];
    private readonly List<(ulong Page, int Offset)> _pages = [];
    private readonly Dictionary<ulong, int> _pageUsed = [];
    private int _stubPages;

    /// <summary>Makes a stub known that a program jumps to; the vDSO's own is known by its image.</summary>
    public void Add(EnterStubAddresses stub) => _enterStubs.Add(stub);

    /// <summary>Makes a stub known that an enclave jumps to.</summary>
    public void Add(ExitStubCode stub) => _exitStubs.Add(stub);

    /// <summary>Fork: the child has its parent's stubs.</summary>
    public void Inherit(StubPlaces parent)
    {
        _enterStubs.AddRange(parent._enterStubs);
        _exitStubs.AddRange(parent._exitStubs);
        foreach ((ulong stub, ulong site) in parent._siteOf)
        {
            _siteOf[stub] = site;
        }
    }

    /// <summary>A stop in the middle of a stub is put back to before it, or forward to behind it.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="number">Its slot, or -1.</param>
    /// <returns>False when the thread was in no stub.</returns>
    public bool Normalise(TracedThread thread, int number)
    {
        ulong rip = thread.Peek().Rip;
        if (thread.Space.Vdso is { InitializesState: not 0 and var initializes } vdso && rip == initializes)
        {
            ref UserRegisters r = ref thread.Registers;
            thread.Initialize((r.Rdx << 32) | (uint)r.Rax);
            r.Rip = vdso.StateInitialized;
            return false;
        }

        ulong tails = Area.Fast + FastLayout.Tails;
        if (rip - tails < FastLayout.MappedLength - FastLayout.Tails)
        {
            int index = (int)((rip - tails) / FastLayout.TailLength);
            FinishTail(thread, number, index, rip - tails - (ulong)(index * FastLayout.TailLength));
            return true;
        }

        // The vDSO's function is written when it is first called, which may be long after the first stub.
        if (thread.Space.Vdso?.Stub is { } own && own.Contains(rip))
        {
            LeaveEnterStub(thread, number, own, rip);
            return true;
        }

        foreach (EnterStubAddresses stub in _enterStubs)
        {
            if (stub.Contains(rip))
            {
                LeaveEnterStub(thread, number, stub, rip);
                return true;
            }
        }

        foreach (ExitStubCode stub in _exitStubs)
        {
            if (stub.Contains(rip))
            {
                LeaveExitStub(thread, number, stub, rip);
                return true;
            }
        }

        return false;
    }

    /// <summary>The site of an ENCLU that stands in a stub in the place of the program's own, or the address itself.</summary>
    public ulong SiteOf(ulong rip) => _siteOf.GetValueOrDefault(rip, rip);

    /// <summary>Writes a stub for the ENCLU at a site and returns its address, or null when nothing can be mapped
    /// where it may lie.</summary>
    public ulong? Place(TracedThread thread, ulong site, JumpTargets targets, bool inEnclave)
    {
        if (RoomIn(thread, targets) is not (ulong page, int offset))
        {
            return null;
        }

        ulong address = page + (ulong)(offset & 4095);
        if (inEnclave)
        {
            ExitStubCode stub = ExitStub.Assemble(address, site);
            stub.Code.CopyTo(tables.Slice(FastLayout.Stubs + offset, stub.Code.Length));
            _exitStubs.Add(stub);
            _siteOf[stub.Enclu] = site;
            return address;
        }

        var assembler = new Iced.Intel.Assembler(64);
        var enter = new EnterStub();
        Iced.Intel.Label start = assembler.CreateLabel(), enclu = assembler.CreateLabel();
        enter.Emit(assembler, a => a.mov(Iced.Intel.AssemblerRegisters.rcx, site + EncluInstruction.Length), ref start, ref enclu);
        using var stream = new MemoryStream();
        Iced.Intel.AssemblerResult result = assembler.Assemble(new Iced.Intel.StreamCodeWriter(stream), address,
            Iced.Intel.BlockEncoderOptions.ReturnNewInstructionOffsets);
        byte[] code = stream.ToArray();
        code.CopyTo(tables.Slice(FastLayout.Stubs + offset, code.Length));
        EnterStubAddresses addresses = enter.Addresses(result);
        Add(addresses);
        _siteOf[addresses.Enclu] = site;
        return address;
    }

    private void FinishTail(TracedThread thread, int number, int index, ulong offset)
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

    private void LeaveEnterStub(TracedThread thread, int number, EnterStubAddresses stub, ulong rip)
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

    private void LeaveExitStub(TracedThread thread, int number, ExitStubCode stub, ulong rip)
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
        (r.FsBase, r.GsBase) = (tables.ReadU64(slot + FastLayout.SlotFsBase), tables.ReadU64(slot + FastLayout.SlotGsBase));
        tables.WriteU32(slot + FastLayout.SlotInside, 0);

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
        const ulong eaccept = 5, notArithmetic = ~0x8d5UL;
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
            uint flags = tables.ReadU32(slot + FastLayout.SlotFlags);
            r.Rflags = (r.Rflags & notArithmetic) | (accepted ? 0 : (flags >> 8 & 0xd5) | (flags & 1) << 11);
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

    private (ulong Page, int Offset)? RoomIn(TracedThread thread, JumpTargets targets)
    {
        const int largestStub = 1024;
        foreach ((ulong page, int offset) in _pages)
        {
            if (page >= targets.First && page + 4095 <= targets.Last && _pageUsed[page] + largestStub <= 4096)
            {
                int at = offset + _pageUsed[page];
                _pageUsed[page] += largestStub;
                return (page, at);
            }
        }

        var enclaves = thread.Space.Mappings.All.Select(mapping => mapping.File.Enclave).OfType<SgxEnclave>()
            .Select(enclave => (enclave.Base.Value, enclave.Base.Value + enclave.Size));
        if (_stubPages * 4096 >= FastLayout.FileLength - FastLayout.Stubs
            || FreeRange.In(MapsLine.Of(thread), targets, 4096, enclaves) is not { } address)
        {
            return null;
        }

        // mremap of no bytes of a shared mapping makes a second one: no descriptor has to stay open in the program. mremap(2).
        int fileOffset = _stubPages * 4096;
        const ulong moveFixed = 3;
        long[] mapped = new RemoteCalls()
            .Add(SystemCall.Mmap, address, 4096, MemoryProtection.None, MemoryProtection.Private | MemoryProtection.Anonymous
            | MemoryProtection.FixedNoReplace, ulong.MaxValue, 0)
            .Add(SystemCall.Mremap, Area.Fast + FastLayout.Stubs + (ulong)fileOffset, 0, 4096, moveFixed, address)
            .Run(thread);
        if (mapped.Any(result => result != (long)address))
        {
            return null;
        }

        _stubPages++;
        _pages.Add((address, fileOffset));
        _pageUsed[address] = largestStub;
        return (address, fileOffset);
    }
}
