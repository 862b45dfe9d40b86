using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Fast;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine;

/// <summary>The memory of a traced program (one mm): shared by its threads, copied by fork, new at exec.</summary>
internal sealed class AddressSpace : IAddressSpace, ILinearMemory, IDisposable
{
    private readonly SgxMachine _machine;
    private readonly SortedSet<ulong> _residue = [];
    private readonly List<(ulong Start, ulong End)> _dropped = [];
    private readonly SortedSet<ulong> _executable = [];
    private readonly SortedSet<ulong> _unprotected = [];

    public AddressSpace(SgxMachine machine, int process)
    {
        _machine = machine;
        Process = process;
        Memory = new RemoteMemory(process);
    }

    /// <summary>A process that lives in it.</summary>
    public int Process { get; }

    /// <summary>Processes that live in it; the last one's end ends it.</summary>
    public int Users { get; set; }

    /// <summary>Its bytes.</summary>
    public RemoteMemory Memory { get; }

    /// <summary>Device mappings.</summary>
    public MappingList Mappings { get; } = new();

    /// <summary>Page table entries of the device mappings.</summary>
    public PageTable Pages { get; } = new();

    /// <summary>Addresses where CPUID was replaced by UD2.</summary>
    public HashSet<ulong> CpuidSites { get; init; } = [];

    /// <summary>Cloister's own pages in it, shared with this process; null before the first exec.</summary>
    public MappedFile? Table { get; set; }

    /// <summary>The vDSO it was given.</summary>
    public VdsoImage? Vdso { get; set; }

    /// <summary>Pages come and go by mprotect in the program, for want of a userfaultfd.</summary>
    public bool ByProtection { get; set; }

    /// <summary>Decides which pages are present; null until the device was mapped.</summary>
    public Userfaultfd? Presence { get; set; }

    /// <summary>Entries and exits without a stop; null when they all stop.</summary>
    public FastPath? Fast { get; set; }

    /// <summary>The kernel or the processor has not what the fast path needs; not tried again.</summary>
    public bool FastRefused { get; set; }

    /// <summary>Whether its processes have the filter of device users.</summary>
    public bool IsDeviceUser { get; set; }

    /// <summary>Strict isolation: no thread is inside, and enclave memory has no access.</summary>
    public bool HidesEnclaves { get; set; }

    /// <summary>Strict isolation: host code that has lost execution while a thread is inside, and its protection.</summary>
    public List<(ulong Start, ulong End, ulong Protection)> HiddenCode { get; init; } = [];

    /// <summary>Runs of pages that are natively executable, in order.</summary>
    public IEnumerable<(ulong Start, ulong End)> ExecutableRuns()
    {
        ulong start = 0, end = 0;
        foreach (ulong page in _executable)
        {
            if (page != end)
            {
                if (end != 0)
                {
                    yield return (start, end);
                }

                start = page;
            }

            end = page + 4096;
        }

        if (end != 0)
        {
            yield return (start, end);
        }
    }

    /// <summary>Notes that a page is natively executable now, or no longer.</summary>
    public void SetExecutable(ulong page, bool value)
    {
        Pages[page].Executable = value;
        _ = value ? _executable.Add(page) : _executable.Remove(page);
    }

    /// <summary>Pages that are natively executable and must no longer be.</summary>
    public SortedSet<ulong> LostExecution { get; } = [];

    /// <summary>The driver's rules want a remote call in this address space before its threads run on.</summary>
    public bool NeedsRemoteCall => LostExecution.Count > 0 || _unprotected.Count > 0 || _dropped.Count > 0;

    /// <inheritdoc/>
    public void InsertPage(LinearAddress address, EpcPage page, Protection entry)
    {
        ref PageTableEntry installed = ref Pages[address.Value];
        installed.Page = page;
        installed.Protection = entry;
        installed.Young = true;
        Refresh(address.Value);
    }

    /// <summary>Lets an entry that is there be written through (pte_mkwrite).</summary>
    public void MakeWritable(LinearAddress page)
    {
        Pages[page.Value].Protection |= Protection.Write;
        Refresh(page.Value);
    }

    /// <inheritdoc/>
    public void Zap(LinearAddress address, ulong length)
    {
        ulong end = address.Value + length;
        for (ulong at = address.Value; at < end; at += 4096)
        {
            ulong start = at;
            for (; at < end && Pages.Peek(at).Present; at += 4096)
            {
                Pages[at].Clear();
            }

            Refresh(start, (int)((at - start) / 4096));
        }
    }

    /// <inheritdoc/>
    public bool TestAndClearYoung(LinearAddress page)
    {
        // The kernel reads the accessed bit; a process cannot. A page counts as young once after it came in.
        ref PageTableEntry entry = ref Pages[page.Value];
        bool young = entry.Present && entry.Young;
        entry.Young = false;
        return young;
    }

    /// <summary>Makes the process's real access to a page what the driver's entry and the EPCM allow together.</summary>
    public void Refresh(ulong address) => Refresh(address, 1);

    /// <summary>The same for pages in a row, those that change alike at once.</summary>
    public void Refresh(ulong address, int pages)
    {
        for (int i = 0; i < pages;)
        {
            ulong start = address + (ulong)i * 4096;
            (NativeAccess from, NativeAccess to) = Change(start);
            int run = 1;
            while (i + run < pages && Change(start + (ulong)run * 4096) == (from, to))
            {
                run++;
            }

            if (from != to)
            {
                Change(start, run, from, to);
            }

            i += run;
        }
    }

    // The access that is there and the one that shall be.
    private (NativeAccess From, NativeAccess To) Change(ulong address)
    {
        PageTableEntry entry = Pages.Peek(address);
        SecinfoFlags allowed = AllowedBy(entry);
        if (entry.Executable && (allowed & SecinfoFlags.X) == 0)
        {
            _ = LostExecution.Add(address);
        }

        return (entry.Native, (allowed & SecinfoFlags.R) == 0 ? NativeAccess.None : (allowed & SecinfoFlags.W) == 0 ? NativeAccess.Read : NativeAccess.ReadWrite);
    }

    private void Change(ulong start, int pages, NativeAccess from, NativeAccess to)
    {
        ulong length = (ulong)pages * 4096;
        if (ByProtection)
        {
            SetNative(start, pages, to);
            for (int i = 0; i < pages; i++)
            {
                _ = _unprotected.Add(start + (ulong)i * 4096);
            }

            return;
        }

        if (Presence is null)
        {
            return;
        }

        switch (to)
        {
            case NativeAccess.None:
                // Stop writers now; the entries go when the pages' memory does, or at the next flush.
                if (from == NativeAccess.ReadWrite)
                {
                    Require(Presence.WriteProtect(start, length, on: true));
                    SetNative(start, pages, NativeAccess.Read);
                }

                for (int i = 0; i < pages; i++)
                {
                    _ = _residue.Add(start + (ulong)i * 4096);
                }

                return;
            case NativeAccess.Read when from == NativeAccess.ReadWrite:
                Require(Presence.WriteProtect(start, length, on: true));
                break;
            case NativeAccess.ReadWrite when from == NativeAccess.Read:
                Require(Presence.WriteProtect(start, length, on: false));
                break;
            default:
                Errno error = Presence.Continue(start, length, writeProtected: to == NativeAccess.Read);
                if (error == Errno.EFAULT)
                {
                    // The file has no pages here yet (it reads as zero): give it some, then map them.
                    if (Mappings.Find(start) is not { } mapping)
                    {
                        return;
                    }

                    mapping.File.Populate(mapping.OffsetOf(start), pages);
                    error = Presence.Continue(start, length, writeProtected: to == NativeAccess.Read);
                }

                if (error == Errno.ENOENT || error == Errno.EINVAL)
                {
                    // Unmapped under the driver's feet: the next access finds no mapping.
                    return;
                }

                Require(error);
                break;
        }

        SetNative(start, pages, to);
    }

    private void SetNative(ulong start, int pages, NativeAccess access)
    {
        for (int i = 0; i < pages; i++)
        {
            Pages[start + (ulong)i * 4096].Native = access;
        }
    }

    /// <summary>Fork: the parent's mappings are natively executable in the same places.</summary>
    public void CopyExecutable(AddressSpace parent)
    {
        foreach (ulong page in parent._executable)
        {
            SetExecutable(page, true);
        }
    }

    /// <summary>The memory of a page was taken out of its file.</summary>
    public void NotePunched(EnclaveFile file, ulong offset)
    {
        foreach (EnclaveMapping mapping in Mappings.All)
        {
            if (mapping.File == file && mapping.AddressOf(offset) is { } address)
            {
                if (ByProtection && Pages.Peek(address).Native != NativeAccess.None)
                {
                    _ = _unprotected.Add(address);
                }

                Pages.NotePunched(address);
            }
        }
    }

    /// <summary>The calls that give pages the protection they should have really, and which pages those are: with mprotect only.</summary>
    public void AddProtectionCalls(RemoteCalls calls, bool all)
    {
        if (all)
        {
            foreach (EnclaveMapping mapping in Mappings.All)
            {
                foreach (ulong page in Pages.Within(mapping.Start, mapping.End))
                {
                    if (Pages.Peek(page).Native != NativeAccess.None)
                    {
                        _ = _unprotected.Add(page);
                    }
                }
            }
        }

        ulong start = 0, end = 0;
        int protection = 0;
        foreach (ulong page in _unprotected)
        {
            int wanted = NativeProtection(page);
            if (page != end || wanted != protection)
            {
                Emit();
                (start, protection) = (page, wanted);
            }

            end = page + 4096;
        }

        Emit();
        _unprotected.Clear();

        void Emit()
        {
            if (end > start)
            {
                calls.Add(SystemCall.Mprotect, start, end - start, (ulong)protection);
            }
        }
    }

    /// <summary>The PROT_ bits of a page whose presence is made by mprotect.</summary>
    private int NativeProtection(ulong page)
    {
        PageTableEntry entry = Pages.Peek(page);
        if (entry.Native == NativeAccess.None || Mappings.Find(page) is not { } mapping)
        {
            return MemoryProtection.None;
        }

        int bits = MemoryProtection.Read | (entry.Native == NativeAccess.ReadWrite ? MemoryProtection.Write : 0) | (entry.Executable ? MemoryProtection.Execute : 0);
        return bits & mapping.Protection;
    }

    /// <summary>A page's real protection has to be made anew.</summary>
    public void NoteUnprotected(ulong page) => _unprotected.Add(page);

    /// <summary>Fork, with mprotect: nothing is present in the child and nothing executable.</summary>
    public void ForgetNative()
    {
        foreach (ulong page in _executable.ToArray())
        {
            SetExecutable(page, false);
        }
    }

    /// <summary>The EPCM entries of pages in a row changed.</summary>
    public void Refresh(EnclaveFile file, ulong offset, int pages)
    {
        ulong end = offset + (ulong)pages * 4096;
        foreach (EnclaveMapping mapping in Mappings.All)
        {
            ulong first = mapping.OffsetOf(mapping.Start), last = first + (mapping.End - mapping.Start);
            ulong from = Math.Max(offset, first), to = Math.Min(end, last);
            if (mapping.File == file && from < to)
            {
                Refresh(mapping.Start + (from - first), (int)((to - from) / 4096));
            }
        }
    }

    /// <summary>A page's mapping was moved away and back, which ends the watch over it.</summary>
    public void WatchAgain(ulong page)
    {
        if (Presence is null)
        {
            return;
        }

        Require(Presence.Register(page, 4096));
        if (Pages.Peek(page).Native == NativeAccess.Read)
        {
            Require(Presence.WriteProtect(page, 4096, on: true));
        }
    }

    /// <summary>Takes away what the driver no longer allows. Called before any thread of the program runs on.</summary>
    public void Flush()
    {
        ulong start = 0, end = 0;
        foreach (ulong page in _residue)
        {
            PageTableEntry entry = Pages.Peek(page);
            if ((AllowedBy(entry) & SecinfoFlags.R) != 0 || entry.Native == NativeAccess.None)
            {
                continue;
            }

            if (page != end)
            {
                Drop(start, end);
                start = page;
            }

            end = page + 4096;
        }

        Drop(start, end);
        _residue.Clear();
    }

    /// <summary>The calls that take page-table entries away and leave the bytes where they are.</summary>
    public void AddDropCalls(RemoteCalls calls)
    {
        const ulong dontNeed = 4;
        foreach ((ulong start, ulong end) in _dropped)
        {
            calls.Add(SystemCall.Madvise, start, end - start, dontNeed);
            SetNative(start, (int)((end - start) / 4096), NativeAccess.None);
        }

        _dropped.Clear();
    }

    private void Drop(ulong start, ulong end)
    {
        // A call in the program costs as much as a few pages one by one.
        const ulong many = 8 * 4096;
        if (end - start >= many && Mappings.Find(start) is { File.AddressSpaces.Count: 1 } whole && end <= whole.End)
        {
            _dropped.Add((start, end));
            return;
        }

        for (ulong page = start; page < end; page += 4096)
        {
            if (Mappings.Find(page) is not { } mapping)
            {
                continue;
            }

            // Other address spaces lose their entry too, so their writers are stopped first and they fault it in again.
            foreach (AddressSpace other in mapping.File.AddressSpaces)
            {
                other.StopWriters(page);
            }

            mapping.File.Unmap(mapping.OffsetOf(page));
            foreach (AddressSpace other in mapping.File.AddressSpaces)
            {
                if (other != this)
                {
                    other.Refresh(page);
                }
            }
        }
    }

    /// <inheritdoc/>
    public PageWalk Walk(LinearAddress address, AccessKind access)
    {
        EnclaveMapping? mapping = Mappings.Find(address.Value);
        if (mapping is null)
        {
            return PageWalk.Ordinary;
        }

        PageTableEntry entry = Pages.Peek(address.Value);
        if (!mapping.Allows(ProtectionFor(access)) || (entry.Present && !Allows(entry, access)))
        {
            return entry.Present ? PageWalk.Denied : PageWalk.NotPresent;
        }

        return entry.Present ? PageWalk.Epc(entry.Page) : PageWalk.NotPresent;
    }

    /// <inheritdoc/>
    public bool Read(LinearAddress address, Span<byte> destination) => Memory.TryRead(address.Value, destination);

    /// <inheritdoc/>
    public bool Write(LinearAddress address, ReadOnlySpan<byte> source) => Memory.TryWrite(address.Value, source);

    /// <summary>Whether an entry that is there allows an access.</summary>
    public static bool Allows(in PageTableEntry entry, AccessKind access) => ((int)entry.Protection & ProtectionFor(access)) != 0;

    /// <summary>What enclave code may do through an entry: what the entry and the page's EPCM entry both allow.</summary>
    public SecinfoFlags AllowedBy(in PageTableEntry entry) =>
        entry.Present ? _machine.Epcm[entry.Page].AllowedToEnclave & (SecinfoFlags)entry.Protection : 0; // PROT_ bits have the values of R, W and X.

    /// <summary>The PROT_ bit an access needs.</summary>
    public static int ProtectionFor(AccessKind access) => access switch
    {
        AccessKind.Write => MemoryProtection.Write,
        AccessKind.Execute => MemoryProtection.Execute,
        _ => MemoryProtection.Read,
    };

    /// <summary>Forgets a range that the program unmapped or mapped over.</summary>
    public HashSet<EnclaveFile> Unmap(ulong start, ulong end)
    {
        HashSet<EnclaveFile> files = Mappings.Remove(start, end);
        if (files.Count > 0)
        {
            Fast?.Tcss.Invalidate(start, end);
            Pages.Forget(start, end);
            _executable.ExceptWith([.. _executable.GetViewBetween(start, end - 1)]);
        }

        foreach (EnclaveFile file in files)
        {
            if (!Mappings.All.Any(m => m.File == file))
            {
                _ = file.AddressSpaces.Remove(this);
            }
        }

        return files;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Memory.Dispose();
        Table?.Dispose();
        Presence?.Dispose();
        Fast?.Dispose();
    }

    private void StopWriters(ulong address)
    {
        ref PageTableEntry entry = ref Pages[address];
        if (entry.Native == NativeAccess.ReadWrite && Presence is not null)
        {
            Require(Presence.WriteProtect(address, 4096, on: true));
            entry.Native = NativeAccess.Read;
        }
    }

    private static void Require(Errno error)
    {
        // A program that was killed or unmapped the range in between has nothing left to protect.
        if (error is not (Errno.None or Errno.ESRCH or Errno.ENOENT))
        {
            throw new LinuxException("userfaultfd", error);
        }
    }
}
