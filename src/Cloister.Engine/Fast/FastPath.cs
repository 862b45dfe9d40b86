using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Fast;

/// <summary>The tracer's side of the fast path of one address space: slots of threads, entries of TCSs, and where stubs lie.</summary>
internal sealed class FastPath : IDisposable
{
    private const int DescriptorsAtOnce = 64, DescriptorLength = 16;
    private const uint DataDescriptorFlags = 0x51; // 32-bit, data, writable, limit in pages, useable: user_desc of uapi asm/ldt.h

    private readonly MappedFile _file;
    private readonly Dictionary<int, (ulong Tcs, EpcPage Page)> _entries = [];
    private readonly HashSet<ulong> _watched = [];
    private readonly SortedSet<int> _freeSlots = [];
    private readonly List<EnterStubAddresses> _enterStubs = [];
    private readonly List<ExitStubCode> _exitStubs = [];
    private readonly Dictionary<ulong, ulong> _siteOf = [];
    private readonly List<(ulong Page, int Offset)> _pages = [];
    private readonly Dictionary<ulong, int> _pageUsed = [];
    private readonly Dictionary<ulong, (EnclaveFile File, AwaitedPages Table)> _awaited = [];
    private readonly List<AwaitedPages> _spareTables = [];
    private int _descriptors;
    private int _slots;
    private int _stubPages;

    internal FastPath(MappedFile file) => _file = file;

    /// <summary>Entries made without a stop, over all threads.</summary>
    public long FastEntries
    {
        get
        {
            long sum = 0;
            for (int i = 0; i < _slots; i++)
            {
                sum += (long)ReadU64(Slot(i) + FastLayout.SlotCount);
            }

            return sum;
        }
    }

    /// <summary>ENCLU instructions that were replaced by jumps, in host and enclaves.</summary>
    public HashSet<ulong> PatchedSites { get; private set; } = [];

    /// <summary>Sites that found no room for a jump nearby; not tried again.</summary>
    public HashSet<ulong> HopelessSites { get; } = [];

    /// <summary>Maps the tables into a thread's address space; null when the kernel refuses.</summary>
    public static FastPath? Create(TracedThread thread, bool replace)
    {
        long descriptor = new RemoteCalls().WithData("cloister:fast\0"u8).Add(SystemCall.MemfdCreate, RemoteCalls.DataAddress, 3).Run(thread)[0];
        int taken = descriptor < 0 ? -1 : HostKernel.TakeDescriptor(thread.Process.Id, (int)descriptor);
        if (taken < 0)
        {
            return null;
        }

        _ = MappedFile.Seal(taken, FastLayout.FileLength);
        const ulong code = MemoryProtection.Read | MemoryProtection.Execute;
        ulong flags = MemoryProtection.Shared | (ulong)(replace ? MemoryProtection.Fixed : MemoryProtection.FixedNoReplace);
        long[] results = new RemoteCalls()
            .Add(SystemCall.Mmap, Area.Fast, FastLayout.DataLength, MemoryProtection.Read | MemoryProtection.Write, flags, (ulong)descriptor, 0)
            .Add(SystemCall.Mmap, Area.Fast + FastLayout.Tails, FastLayout.FileLength - FastLayout.Tails, code, flags, (ulong)descriptor, FastLayout.Tails)
            .Add(SystemCall.Close, (ulong)descriptor)
            .Run(thread);
        var path = new FastPath(MappedFile.Map(taken, 0, FastLayout.FileLength));
        if (results.Any(result => result < 0))
        {
            path.Dispose();
            return null;
        }

        return path;
    }

    /// <summary>Gives a thread a slot and the selector that names it. False when there is none to be had.</summary>
    public bool Assign(TracedThread thread)
    {
        if (thread.FastSlot >= 0)
        {
            if (thread.Peek().Es == 0)
            {
                thread.Registers.Es = FastLayout.Selector(thread.FastSlot);
            }

            return true;
        }

        int slot = _freeSlots.Count > 0 ? _freeSlots.Min : _slots;
        if (slot >= FastLayout.MaximumSlots || (slot >= _descriptors && !AddDescriptors(thread)))
        {
            return false;
        }

        if (!_freeSlots.Remove(slot))
        {
            _slots++;
        }

        Occupy(thread, slot);
        thread.Registers.Es = FastLayout.Selector(slot);
        return true;
    }

    /// <summary>Fork: the child's one thread has its parent's selector, and with it the slot of that number.</summary>
    public void Inherit(TracedThread child, int slot, FastPath parent)
    {
        _descriptors = parent._descriptors;
        _slots = slot + 1;
        for (int i = 0; i < slot; i++)
        {
            _freeSlots.Add(i);
        }

        _enterStubs.AddRange(parent._enterStubs);
        _exitStubs.AddRange(parent._exitStubs);
        foreach ((ulong stub, ulong site) in parent._siteOf)
        {
            _siteOf[stub] = site;
        }

        PatchedSites = new HashSet<ulong>(parent.PatchedSites);
        if (slot >= 0)
        {
            Occupy(child, slot);
        }
    }

    /// <summary>A thread has ended: its slot, and a TCS it was in, are free.</summary>
    public void Release(TracedThread thread)
    {
        if (thread.FastSlot < 0)
        {
            return;
        }

        FreeEntryOf(thread.FastSlot);
        WriteU32(Slot(thread.FastSlot) + FastLayout.SlotInside, 0);
        _freeSlots.Add(thread.FastSlot);
        thread.FastSlot = -1;
    }

    /// <summary>Sends entries to the tracer until <see cref="Open"/>. What threads did before is in the tables afterwards.</summary>
    public void Shut()
    {
        WriteU32(FastLayout.Gate, 0);
        Interlocked.MemoryBarrier();
    }

    /// <summary>Allows fast entries.</summary>
    public void Open() => WriteU32(FastLayout.Gate, 1);

    /// <summary>Whether a running thread is between taking a TCS and counting as inside, or between the reverse.</summary>
    public bool IsBetween(TracedThread thread)
    {
        if (thread.FastSlot < 0)
        {
            return false;
        }

        int slot = Slot(thread.FastSlot);
        bool inside = ReadU32(slot + FastLayout.SlotInside) != 0;
        return inside ? ReadU32(slot + FastLayout.SlotAccepting) != 0 : HoldsEntry(thread.FastSlot);
    }

    /// <summary>The pages that a thread accepted by itself since this was last asked, in order. The gate must be shut.</summary>
    public ReadOnlySpan<ulong> TakeAccepted(TracedThread thread)
    {
        int slot = Slot(thread.FastSlot);
        int count = (int)ReadU32(slot + FastLayout.SlotNotes);
        if (count == 0)
        {
            return [];
        }

        WriteU32(slot + FastLayout.SlotNotes, 0);
        return MemoryMarshal.Cast<byte, ulong>(_file.Slice(Notes(thread.FastSlot), count * sizeof(ulong)));
    }

    /// <summary>A table for an enclave, one that another enclave had if it is large enough; null when there is none to be had.</summary>
    public AwaitedPages? TableFor(TracedThread thread, ulong start, ulong size)
    {
        if (_spareTables.Find(table => table.Fits(size)) is not { } spare)
        {
            return AwaitedPages.Create(thread, start, size);
        }

        _ = _spareTables.Remove(spare);
        spare.Begin(start, size);
        return spare;
    }

    /// <summary>Threads in an enclave may accept its pages by themselves from now on, as a table says.</summary>
    public void Add(EnclaveFile file, AwaitedPages table)
    {
        file.Awaited = table;
        _awaited[file.Base] = (file, table);
    }

    /// <summary>An enclave is gone; its table may serve another.</summary>
    public void Forget(EnclaveFile file)
    {
        if (_awaited.TryGetValue(file.Base, out (EnclaveFile File, AwaitedPages Table) known) && known.File == file)
        {
            _ = _awaited.Remove(file.Base);
            file.Awaited = null;
            known.Table.End();
            _spareTables.Add(known.Table);
        }
    }

    /// <summary>The model follows an exit the thread made by itself. All threads' exits come before any entry.</summary>
    public void FollowExit(SgxMachine machine, TracedThread thread)
    {
        int slot = Slot(thread.FastSlot);
        bool inside = ReadU32(slot + FastLayout.SlotInside) != 0;
        ulong count = ReadU64(slot + FastLayout.SlotCount);
        if (thread.Processor.EnclaveMode && (!inside || count != thread.FastCount))
        {
            thread.Processor.NoteExited(machine);
        }

        thread.FastCount = count;
    }

    /// <summary>The model follows an entry the thread made by itself.</summary>
    public void FollowEntry(SgxMachine machine, TracedThread thread)
    {
        int slot = Slot(thread.FastSlot);
        if (thread.Processor.EnclaveMode || ReadU32(slot + FastLayout.SlotInside) == 0)
        {
            return;
        }

        int index = (int)((ReadU64(slot + FastLayout.SlotEntry) - (Area.Fast + FastLayout.Table)) / FastLayout.EntryLength);
        (ulong tcs, EpcPage page) = _entries[index];
        thread.Processor.NoteEntered(machine, page, new LinearAddress(tcs), new LinearAddress(ReadU64(slot + FastLayout.SlotAep)),
            ReadU64(slot + FastLayout.SlotFsBase), ReadU64(slot + FastLayout.SlotGsBase));
    }

    /// <summary>Puts what the model did with a stopped thread into the tables.</summary>
    public void Publish(SgxMachine machine, TracedThread thread)
    {
        if (thread.FastSlot < 0)
        {
            return;
        }

        int slot = Slot(thread.FastSlot);
        LogicalProcessor processor = thread.Processor;
        if (!processor.EnclaveMode)
        {
            if (ReadU32(slot + FastLayout.SlotInside) != 0)
            {
                WriteU32(slot + FastLayout.SlotInside, 0);
                int left = (int)(ReadU64(slot + FastLayout.SlotEntry) - Area.Fast);
                if (left >= FastLayout.Table)
                {
                    Refresh(machine, (left - FastLayout.Table) / FastLayout.EntryLength);
                }

                WriteU32(left + FastLayout.EntryBusy, 0);
            }

            return;
        }

        int entry = EntryFor(machine, processor, thread.FastSlot);
        WriteU32(entry + FastLayout.EntryBusy, (uint)thread.FastSlot + 1);
        WriteU64(slot + FastLayout.SlotEntry, Area.Fast + (ulong)entry);
        WriteU64(slot + FastLayout.SlotFsBase, processor.SavedFsBase);
        WriteU64(slot + FastLayout.SlotGsBase, processor.SavedGsBase);
        WriteU64(slot + FastLayout.SlotAep, processor.Aep.Value);
        WriteU32(slot + FastLayout.SlotInside, 1);
    }

    /// <summary>The page at an address changed in the EPCM: a TCS or a state save area there sends entries to the tracer.</summary>
    public void Invalidate(ulong page)
    {
        if (!_watched.Contains(page))
        {
            return;
        }

        foreach (int index in _entries.Keys.ToArray())
        {
            int entry = FastLayout.Table + index * FastLayout.EntryLength;
            ulong ursp = ReadU64(entry + FastLayout.EntryUrsp);
            if (_entries[index].Tcs == page || (ursp & ~4095UL) == page)
            {
                WriteU64(entry + FastLayout.EntryTcs, 0);
            }
        }
    }

    /// <summary>A stop in the middle of a stub is put back to before it, or forward to behind it.</summary>
    /// <returns>False when the thread was in no stub.</returns>
    public bool Normalise(TracedThread thread)
    {
        ulong rip = thread.Peek().Rip;
        ulong tails = Area.Fast + FastLayout.Tails;
        if (rip - tails < FastLayout.MappedLength - FastLayout.Tails)
        {
            int index = (int)((rip - tails) / FastLayout.TailLength);
            FinishTail(thread, index, rip - tails - (ulong)(index * FastLayout.TailLength));
            return true;
        }

        foreach (EnterStubAddresses stub in _enterStubs)
        {
            if (stub.Contains(rip))
            {
                LeaveEnterStub(thread, stub, rip);
                return true;
            }
        }

        foreach (ExitStubCode stub in _exitStubs)
        {
            if (stub.Contains(rip))
            {
                LeaveExitStub(thread, stub, rip);
                return true;
            }
        }

        return false;
    }

    /// <summary>The site of an ENCLU that stands in a stub in the place of the program's own, or the address itself.</summary>
    public ulong SiteOf(ulong rip) => _siteOf.GetValueOrDefault(rip, rip);

    /// <summary>Makes a stub known that lies in the vDSO.</summary>
    public void Add(EnterStubAddresses stub) => _enterStubs.Add(stub);

    /// <summary>Makes a stub known that an enclave jumps to.</summary>
    internal void Add(ExitStubCode stub) => _exitStubs.Add(stub);

    /// <summary>Writes a stub for the ENCLU at a site and returns its address near the site, or null when it cannot be mapped there.</summary>
    public ulong? AddStub(TracedThread thread, ulong site, bool inEnclave)
    {
        if (NearPage(thread, site) is not (ulong page, int offset))
        {
            return null;
        }

        ulong address = page + (ulong)(offset & 4095);
        if (inEnclave)
        {
            ExitStubCode stub = ExitStub.Assemble(address, site);
            stub.Code.CopyTo(_file.Slice(FastLayout.Stubs + offset, stub.Code.Length));
            Add(stub);
            _siteOf[stub.Enclu] = site;
            return address;
        }

        var assembler = new Iced.Intel.Assembler(64);
        var enter = new EnterStub();
        Iced.Intel.Label enclu = assembler.CreateLabel();
        enter.Emit(assembler, a => a.mov(Iced.Intel.AssemblerRegisters.rcx, site + 3), ref enclu);
        using var stream = new MemoryStream();
        Iced.Intel.AssemblerResult result = assembler.Assemble(new Iced.Intel.StreamCodeWriter(stream), address, Iced.Intel.BlockEncoderOptions.ReturnNewInstructionOffsets);
        byte[] code = stream.ToArray();
        code.CopyTo(_file.Slice(FastLayout.Stubs + offset, code.Length));
        EnterStubAddresses addresses = enter.Addresses(result);
        _enterStubs.Add(addresses);
        _siteOf[addresses.Enclu] = site;
        return address;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((EnclaveFile file, AwaitedPages table) in _awaited.Values)
        {
            file.Awaited = null;
            table.Dispose();
        }

        _spareTables.ForEach(table => table.Dispose());
        _file.Dispose();
    }

    private static int Slot(int slot) => FastLayout.Slots + slot * FastLayout.SlotLength;

    private static int Notes(int slot) => FastLayout.Notes + slot * FastLayout.NotesLength * sizeof(ulong);

    private void Occupy(TracedThread thread, int slot)
    {
        thread.FastSlot = slot;
        _file.Slice(Slot(slot), FastLayout.SlotLength).Clear();
        WriteU32(Slot(slot) + FastLayout.SlotNumber, (uint)slot + 1);
        WriteU64(Slot(slot) + FastLayout.SlotNotesAddress, Area.Fast + (ulong)Notes(slot));
        thread.FastCount = 0;
    }

    private bool AddDescriptors(TracedThread thread)
    {
        const ulong writeDescriptor = 0x11;
        byte[] data = new byte[DescriptorsAtOnce * DescriptorLength];
        var calls = new RemoteCalls();
        for (int i = 0; i < DescriptorsAtOnce; i++)
        {
            Span<byte> descriptor = data.AsSpan(i * DescriptorLength);
            BinaryPrimitives.WriteUInt32LittleEndian(descriptor, (uint)(FastLayout.FirstDescriptor + _descriptors + i));
            BinaryPrimitives.WriteUInt32LittleEndian(descriptor[8..], 0xfffff);
            BinaryPrimitives.WriteUInt32LittleEndian(descriptor[12..], DataDescriptorFlags);
            calls.Add(SystemCall.ModifyLdt, writeDescriptor, RemoteCalls.DataAddress + (ulong)(i * DescriptorLength), DescriptorLength);
        }

        if (calls.WithData(data).Run(thread).Any(result => result < 0))
        {
            return false;
        }

        _descriptors += DescriptorsAtOnce;
        return true;
    }

    private bool HoldsEntry(int slot)
    {
        foreach (int index in _entries.Keys)
        {
            if (ReadU32(FastLayout.Table + index * FastLayout.EntryLength + FastLayout.EntryBusy) == (uint)slot + 1)
            {
                return true;
            }
        }

        return false;
    }

    private void FreeEntryOf(int slot)
    {
        foreach (int index in _entries.Keys)
        {
            int entry = FastLayout.Table + index * FastLayout.EntryLength;
            if (ReadU32(entry + FastLayout.EntryBusy) == (uint)slot + 1)
            {
                WriteU32(entry + FastLayout.EntryBusy, 0);
            }
        }
    }

    // The entry of the TCS a thread is in. Where another TCS's thread holds its place the slot's spare serves, for this one time.
    private int EntryFor(SgxMachine machine, LogicalProcessor processor, int slot)
    {
        int index = FastLayout.IndexOf(processor.Tcs.Value);
        int entry = FastLayout.Table + index * FastLayout.EntryLength;
        uint number = (uint)slot + 1;
        uint before = Interlocked.CompareExchange(ref MemoryMarshal.AsRef<uint>(_file.Slice(entry + FastLayout.EntryBusy, 4)), number, 0);
        if (before != 0 && before != number)
        {
            return Slot(slot) + FastLayout.SlotSpare;
        }

        _entries[index] = (processor.Tcs.Value, processor.TcsPage);
        Refresh(machine, index);
        return entry;
    }

    /// <summary>Writes what a fast entry needs to know of a TCS, as it is now; not legal for one means no fast entry.</summary>
    private void Refresh(SgxMachine machine, int index)
    {
        (ulong address, EpcPage page) = _entries[index];
        int entry = FastLayout.Table + index * FastLayout.EntryLength;
        ref readonly EpcmEntry epcm = ref machine.Epcm[page];
        if (!epcm.Valid || epcm.PageType != PageType.Tcs || epcm.Blocked || epcm.Pending || epcm.Modified || epcm.EnclaveAddress.Value != address)
        {
            WriteU64(entry + FastLayout.EntryTcs, 0);
            return;
        }

        ref readonly Tcs tcs = ref MemoryMarshal.AsRef<Tcs>(machine.Memory[page]);
        ref readonly Secs secs = ref MemoryMarshal.AsRef<Secs>(machine.Memory[epcm.EnclaveSecs]);
        ulong entryPoint = secs.BaseAddr + tcs.Oentry;

        // A frame of several pages would have to be checked whole at each entry. SDM 3D, EENTER.
        if (tcs.Cssa >= tcs.Nssa || secs.SsaFrameSize != 1)
        {
            WriteU64(entry + FastLayout.EntryTcs, 0);
            return;
        }

        const int urspOffset = 144;
        ulong ursp = StateSaveArea.FrameGprsgx(secs, tcs, tcs.Cssa).Value + urspOffset;
        WriteU32(entry + FastLayout.EntryCssa, tcs.Cssa);
        WriteU64(entry + FastLayout.EntryFsBase, secs.BaseAddr + tcs.Ofsbase);
        WriteU64(entry + FastLayout.EntryGsBase, secs.BaseAddr + tcs.Ogsbase);
        WriteU64(entry + FastLayout.EntryUrsp, ursp);
        WriteU64(entry + FastLayout.EntryTail, Area.Fast + FastLayout.Tails + (ulong)index * FastLayout.TailLength);
        WriteU64(entry + FastLayout.EntryAwaited, _awaited.TryGetValue(secs.BaseAddr, out (EnclaveFile File, AwaitedPages Table) awaited) ? awaited.Table.Address : 0);
        EnterStub.Tail(entryPoint).CopyTo(_file.Slice(FastLayout.Tails + index * FastLayout.TailLength, FastLayout.TailLength));
        _watched.Add(address);
        _watched.Add(ursp & ~4095UL);
        WriteU64(entry + FastLayout.EntryTcs, address);
    }

    private static void FinishTail(TracedThread thread, int index, ulong offset)
    {
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
        r.Rip = BinaryPrimitives.ReadUInt64LittleEndian(code[EnterStub.TailTargetOffset..]);
    }

    private void LeaveEnterStub(TracedThread thread, EnterStubAddresses stub, ulong rip)
    {
        int slot = Slot(thread.FastSlot < 0 ? 0 : thread.FastSlot);
        if (rip >= stub.Committed && rip < stub.Slow && thread.FastSlot >= 0 && ReadU32(slot + FastLayout.SlotInside) != 0)
        {
            int entry = (int)(ReadU64(slot + FastLayout.SlotEntry) - Area.Fast);
            int index = (entry - FastLayout.Table) / FastLayout.EntryLength;
            FinishTail(thread, index, 0);
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
            const ulong eenter = 2;
            r.Rax = eenter;
            r.Rcx = ReadU64(slot + FastLayout.SlotAep);
            if (rip >= stub.Switched && rip < stub.Committed)
            {
                r.FsBase = ReadU64(slot + FastLayout.SlotFsBase);
                r.GsBase = ReadU64(slot + FastLayout.SlotGsBase);
            }

            FreeEntryOf(thread.FastSlot);
        }

        r.Rip = stub.Enclu;
    }

    private void LeaveExitStub(TracedThread thread, ExitStubCode stub, ulong rip)
    {
        ref UserRegisters r = ref thread.Registers;
        const ulong eexit = 4, eaccept = 5;
        if (rip >= stub.Accept.Start)
        {
            LeaveAcceptStub(thread, stub, rip);
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

        int slot = Slot(thread.FastSlot);
        (r.FsBase, r.GsBase) = (ReadU64(slot + FastLayout.SlotFsBase), ReadU64(slot + FastLayout.SlotGsBase));
        WriteU32(slot + FastLayout.SlotInside, 0);

        // Behind the store that frees the TCS another thread may have taken it.
        int busy = (int)(ReadU64(slot + FastLayout.SlotEntry) - Area.Fast) + FastLayout.EntryBusy;
        if (ReadU32(busy) == (uint)thread.FastSlot + 1)
        {
            WriteU32(busy, 0);
        }

        (r.Rax, r.Rcx, r.Rip) = (eexit, ReadU64(slot + FastLayout.SlotAep), r.Rbx);
    }

    private void LeaveAcceptStub(TracedThread thread, ExitStubCode stub, ulong rip)
    {
        const ulong eaccept = 5, notArithmetic = ~0x8d5UL;
        ref UserRegisters r = ref thread.Registers;
        int slot = Slot(thread.FastSlot < 0 ? 0 : thread.FastSlot);
        AcceptStubAddresses accept = stub.Accept;
        if (rip < accept.PageSaved)
        {
            (r.Rcx, r.Rax, r.Rip) = (r.Rax, eaccept, stub.Enclu);
            return;
        }

        ulong page = ReadU64(slot + FastLayout.SlotPage);
        bool accepted = rip >= accept.Committed && rip < accept.Slow;
        if (rip >= accept.Saved)
        {
            (r.Rdx, r.Rsi) = (ReadU64(slot + FastLayout.SlotRdx), ReadU64(slot + FastLayout.SlotRsi));
            uint flags = ReadU32(slot + FastLayout.SlotFlags);
            r.Rflags = (r.Rflags & notArithmetic) | (accepted ? 0 : (flags >> 8 & 0xd5) | (flags & 1) << 11);
        }

        if (accepted && rip < accept.Noted)
        {
            int notes = (int)ReadU32(slot + FastLayout.SlotNotes);
            WriteU64(Notes(thread.FastSlot) + notes * sizeof(ulong), page);
            WriteU32(slot + FastLayout.SlotNotes, (uint)notes + 1);
        }

        WriteU32(slot + FastLayout.SlotAccepting, 0);
        (r.Rax, r.Rcx, r.Rip) = accepted ? (0, page, accept.Next) : (eaccept, page, stub.Enclu);
    }

    private (ulong Page, int Offset)? NearPage(TracedThread thread, ulong site)
    {
        const int largestStub = 512;
        foreach ((ulong page, int offset) in _pages)
        {
            long distance = (long)(page - site);
            if (Math.Abs(distance) < int.MaxValue - (1 << 20) && _pageUsed[page] + largestStub <= 4096)
            {
                int at = offset + _pageUsed[page];
                _pageUsed[page] += largestStub;
                return (page, at);
            }
        }

        if (_stubPages * 4096 >= FastLayout.FileLength - FastLayout.Stubs || FreeRange.Near(thread.Process.Id, site, 4096) is not { } address)
        {
            return null;
        }

        // mremap of no bytes of a shared mapping makes a second one: no descriptor has to stay open in the program. mremap(2).
        int fileOffset = _stubPages * 4096;
        const ulong moveFixed = 3;
        long[] mapped = new RemoteCalls()
            .Add(SystemCall.Mmap, address, 4096, MemoryProtection.None, MemoryProtection.Private | MemoryProtection.Anonymous | MemoryProtection.FixedNoReplace, ulong.MaxValue, 0)
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

    private uint ReadU32(int offset) => Volatile.Read(ref MemoryMarshal.AsRef<uint>(_file.Slice(offset, 4)));

    private ulong ReadU64(int offset) => Volatile.Read(ref MemoryMarshal.AsRef<ulong>(_file.Slice(offset, 8)));

    private void WriteU32(int offset, uint value) => Volatile.Write(ref MemoryMarshal.AsRef<uint>(_file.Slice(offset, 4)), value);

    private void WriteU64(int offset, ulong value) => Volatile.Write(ref MemoryMarshal.AsRef<ulong>(_file.Slice(offset, 8)), value);
}
