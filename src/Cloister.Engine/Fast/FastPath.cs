using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Stubs;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Fast;

/// <summary>The tracer's side of the fast path of one address space: slots of threads, entries of TCSs, and where stubs lie.</summary>
internal sealed class FastPath : IDisposable
{
    private readonly FastTables _tables;
    private readonly FastSlots _slots;

    internal FastPath(MappedFile file, AwaitedTables awaited, bool switchesView = false)
    {
        _tables = new FastTables(file);
        _slots = new FastSlots(_tables);
        Awaited = new MappedTables(awaited);
        Tcss = new TcsTable(_tables, Awaited.AddressOf, resumes: !switchesView);
        Stubs = new StubPlaces(_tables, Tcss.Free, switchesView);
        View = switchesView ? new SharedView(_tables) : null;
    }

    /// <summary>What threads know of the TCSs that they enter by themselves.</summary>
    public TcsTable Tcss { get; }

    /// <summary>Its stubs.</summary>
    public StubPlaces Stubs { get; }

    /// <summary>What its stubs make of the view; null where they do not change it.</summary>
    public SharedView? View { get; }

    /// <summary>Whether threads enter by themselves now.</summary>
    public bool IsOpen => _tables.ReadU32(FastLayout.Gate) != 0;

    /// <summary>The tables of enclaves whose pages its threads accept by themselves.</summary>
    public MappedTables Awaited { get; }

    /// <summary>Entries made without a stop, over all threads.</summary>
    public long FastEntries
    {
        get
        {
            long sum = 0;
            for (int i = 0; i < _slots.Count; i++)
            {
                sum += (long)_tables.ReadU64(FastTables.Slot(i) + FastLayout.SlotCount);
            }

            return sum;
        }
    }

    /// <summary>ENCLU instructions that were replaced by jumps, in host and enclaves.</summary>
    public HashSet<ulong> PatchedSites { get; private set; } = [];

    /// <summary>Sites that found no room for a jump nearby; not tried again.</summary>
    public HashSet<ulong> HopelessSites { get; } = [];

    /// <summary>Maps the tables into a thread's address space; null when the kernel refuses.</summary>
    public static FastPath? Create(TracedThread thread, AwaitedTables awaited, bool replace, bool switchesView)
    {
        long descriptor = MemoryFiles.Make(thread, "fast", closeOnExec: true);
        int taken = descriptor < 0 ? (int)descriptor : MemoryFiles.Take(thread, (int)descriptor);
        if (taken < 0)
        {
            MemoryFiles.GiveBack(thread, descriptor, (Errno)(-taken));
            return null;
        }

        _ = MappedFile.Seal(taken, FastLayout.FileLength);
        const ulong code = MemoryProtection.Read | MemoryProtection.Execute, dontDump = 16;
        ulong flags = MemoryProtection.Shared | (ulong)(replace ? MemoryProtection.Fixed : MemoryProtection.FixedNoReplace);
        long[] results = MemoryFiles.Keep(() => HostKernel.Close(taken), () => new RemoteCalls()
            .Add(SystemCall.Mmap, Area.Fast, FastLayout.DataLength, MemoryProtection.Read | MemoryProtection.Write, flags,
            (ulong)descriptor, 0)
            .Add(SystemCall.Mmap, Area.Fast + FastLayout.Tails, FastLayout.FileLength - FastLayout.Tails, code, flags, (ulong)descriptor,
            FastLayout.Tails)
            .Add(SystemCall.Madvise, Area.Fast, FastLayout.DataLength, dontDump)
            .Add(SystemCall.Close, (ulong)descriptor)
            .Run(thread));
        var path = new FastPath(MappedFile.Map(taken, 0, FastLayout.FileLength), awaited, switchesView);
        if (results.Any(result => result < 0))
        {
            path.Dispose();
            return null;
        }

        return path;
    }

    /// <summary>The threads that have a slot.</summary>
    public IEnumerable<TracedThread> Threads => _slots.Threads;

    /// <summary>A thread's slot; -1 when it has none.</summary>
    public int SlotOf(TracedThread thread) => _slots.Find(thread)?.Slot ?? -1;

    /// <summary>A stopped thread that stands in a stub is put before or behind it.</summary>
    /// <returns>False when it stood in none.</returns>
    public bool Normalise(TracedThread thread) => Stubs.Normalise(thread, SlotOf(thread));

    /// <summary>Gives a thread a slot and the selector that names it. False when there is none to be had.</summary>
    public bool Assign(TracedThread thread) => _slots.Assign(thread);

    /// <summary>Fork: the child's one thread has its parent's selector, and with it the slot of that number.</summary>
    public void Inherit(TracedThread child, int slot, FastPath parent)
    {
        _slots.Inherit(child, slot, parent._slots);
        Stubs.Inherit(parent.Stubs);
        PatchedSites = new HashSet<ulong>(parent.PatchedSites);
    }

    /// <summary>A thread has ended: its slot, and a TCS it was in, are free.</summary>
    public void Release(TracedThread thread)
    {
        if (_slots.Release(thread) is not { } known)
        {
            return;
        }

        Tcss.NoteResumes(known);
        Tcss.Free(known.Slot);
        _tables.WriteU32(FastTables.Slot(known.Slot) + FastLayout.SlotInside, 0);
    }

    /// <summary>Sends entries to the tracer until <see cref="Open"/>. What threads did before is in the tables afterwards.</summary>
    public void Shut()
    {
        _tables.WriteU32(FastLayout.Gate, 0);
        View?.Take();
        Interlocked.MemoryBarrier();
    }

    /// <summary>Allows fast entries.</summary>
    public void Open() => _tables.WriteU32(FastLayout.Gate, 1);

    /// <summary>Whether a running thread is between taking a TCS and counting as inside, or between the reverse.</summary>
    public bool IsBetween(TracedThread thread)
    {
        if (SlotOf(thread) is not (>= 0 and var number))
        {
            return false;
        }

        int slot = FastTables.Slot(number);
        bool inside = _tables.ReadU32(slot + FastLayout.SlotInside) != 0;
        return inside ? _tables.ReadU32(slot + FastLayout.SlotAccepting) != 0 || _tables.ReadU32(slot + FastLayout.SlotSwitching) != 0
            : Tcss.IsTaken(number);
    }

    /// <summary>The pages that a thread accepted by itself since this was last asked, in order. The gate must be shut.</summary>
    public ReadOnlySpan<ulong> TakeAccepted(TracedThread thread)
    {
        if (SlotOf(thread) is not (>= 0 and var number))
        {
            return [];
        }

        int slot = FastTables.Slot(number);
        int count = (int)Math.Min(_tables.ReadU32(slot + FastLayout.SlotNotes), FastLayout.NotesLength);
        if (count == 0)
        {
            return [];
        }

        _tables.WriteU32(slot + FastLayout.SlotNotes, 0);
        ulong[] pages = MemoryMarshal.Cast<byte, ulong>(_tables.Slice(FastTables.Notes(number), count * sizeof(ulong))).ToArray();
        foreach (ref ulong page in pages.AsSpan())
        {
            page = HostPage.Start(page);
        }

        return pages;
    }

    /// <summary>The EENTERs, ERESUMEs and EEXITs that a thread made by itself since the model followed it last.</summary>
    public (long Entries, long Resumptions, long Exits) UseBy(TracedThread thread)
    {
        if (_slots.Find(thread) is not { } known)
        {
            return default;
        }

        // Whoever entered has left since, or is inside now.
        int slot = FastTables.Slot(known.Slot);
        long entries = (long)(_tables.ReadU64(slot + FastLayout.SlotCount) - known.Count);
        long resumptions = (long)(_tables.ReadU64(slot + FastLayout.SlotResumes) - known.Resumes);
        long exits = entries + (thread.Processor.EnclaveMode ? 1 : 0) - (_tables.ReadU32(slot + FastLayout.SlotInside) != 0 ? 1 : 0);
        return (entries - resumptions, resumptions, exits);
    }

    /// <summary>The model follows an exit the thread made by itself. All threads' exits come before any entry.</summary>
    public void FollowExit(SgxMachine machine, TracedThread thread)
    {
        if (_slots.Find(thread) is not { } known)
        {
            return;
        }

        int slot = FastTables.Slot(known.Slot);
        bool inside = _tables.ReadU32(slot + FastLayout.SlotInside) != 0;
        ulong count = _tables.ReadU64(slot + FastLayout.SlotCount);
        if (thread.Processor.EnclaveMode && (!inside || count != known.Count))
        {
            thread.Processor.NoteExited(machine);
        }

        known.Count = count;
        Tcss.NoteResumes(known);
    }

    /// <summary>The model follows an entry the thread made by itself.</summary>
    public void FollowEntry(SgxMachine machine, TracedThread thread)
    {
        int number = SlotOf(thread), slot = FastTables.Slot(Math.Max(number, 0));
        if (number < 0 || thread.Processor.EnclaveMode || _tables.ReadU32(slot + FastLayout.SlotInside) == 0)
        {
            return;
        }

        if (Tcss.PlaceAt(machine, _tables.EntryOf(number)) is not { } place)
        {
            _tables.WriteU32(slot + FastLayout.SlotInside, 0);
            return;
        }

        thread.Processor.NoteEntered(machine, place.Page, new LinearAddress(place.Tcs),
            new LinearAddress(_tables.ReadU64(slot + FastLayout.SlotAep)),
            _tables.ReadU64(slot + FastLayout.SlotFsBase), _tables.ReadU64(slot + FastLayout.SlotGsBase));
    }

    /// <summary>Puts what the model did with a stopped thread into the tables.</summary>
    public void Publish(SgxMachine machine, TracedThread thread)
    {
        if (SlotOf(thread) is not (>= 0 and var number))
        {
            return;
        }

        int slot = FastTables.Slot(number);
        LogicalProcessor processor = thread.Processor;
        if (!processor.EnclaveMode)
        {
            if (_tables.ReadU32(slot + FastLayout.SlotInside) != 0)
            {
                _tables.WriteU32(slot + FastLayout.SlotInside, 0);
                int left = _tables.EntryOf(number);
                Tcss.Refresh(machine, (ulong)left);
                _tables.WriteU32(left + FastLayout.EntryBusy, 0);
            }

            return;
        }

        int entry = Tcss.EntryFor(machine, processor, number);
        _tables.WriteU32(entry + FastLayout.EntryBusy, (uint)number + 1);
        _tables.WriteU64(slot + FastLayout.SlotEntry, Area.Fast + (ulong)entry);
        _tables.WriteU64(slot + FastLayout.SlotFsBase, processor.SavedFsBase);
        _tables.WriteU64(slot + FastLayout.SlotGsBase, processor.SavedGsBase);
        _tables.WriteU64(slot + FastLayout.SlotAep, processor.Aep.Value);
        _tables.WriteU32(slot + FastLayout.SlotInside, 1);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Awaited.Dispose();
        _tables.Dispose();
    }
}
