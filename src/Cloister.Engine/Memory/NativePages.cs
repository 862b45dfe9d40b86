using Cloister.Architecture;
using Cloister.Engine.Platforms;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Memory;

/// <summary>What a process has really mapped of its enclaves: made to follow what the driver inserted and the EPCM allows.</summary>
/// <remarks>Pages are present or not by a userfaultfd, or by mprotect where there is none (<see cref="NativeProtections"/>).</remarks>
internal sealed class NativePages : IDisposable
{
    private readonly IFileView _space;
    private readonly MappingList _mappings;
    private readonly PageTable _pages;
    private readonly SgxMachine _machine;
    private readonly NativeProtections _protections;
    private readonly SortedSet<ulong> _residue = [];
    private readonly List<(ulong Start, ulong End)> _dropped = [];
    private readonly SortedSet<ulong> _executable = [];

    public NativePages(IFileView space, MappingList mappings, PageTable pages, SgxMachine machine)
    {
        (_space, _mappings, _pages, _machine) = (space, mappings, pages, machine);
        _protections = new NativeProtections(mappings, pages);
    }

    /// <summary>Pages come and go by mprotect in the program, for want of a userfaultfd.</summary>
    public bool ByProtection { get; set; }

    /// <summary>Decides which pages are present; null until the device was mapped.</summary>
    public Userfaultfd? Presence { get; set; }

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
        _pages[page].Executable = value;
        _ = value ? _executable.Add(page) : _executable.Remove(page);
    }

    /// <summary>Pages that are natively executable and must no longer be.</summary>
    public SortedSet<ulong> LostExecution { get; } = [];

    /// <summary>The driver's rules want a remote call in this address space before its threads run on.</summary>
    public bool NeedsRemoteCall => LostExecution.Count > 0 || !_protections.IsEmpty || _dropped.Count > 0;

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

    /// <summary>Maps a page that the process does not have though it should: the kernel drops entries of a file's
    /// pages when memory is short, and so do advices that another process gives.</summary>
    /// <returns>Whether it was not there, and is now.</returns>
    public bool MapAgain(ulong page)
    {
        NativeAccess before = _pages.Peek(page).Native;
        Refresh(page);
        PageTableEntry entry = _pages.Peek(page);
        if (ByProtection || Presence is null || entry.Native == NativeAccess.None || entry.Native != before)
        {
            return entry.Native != before;
        }

        return Presence.Continue(page, 4096, writeProtected: entry.Native == NativeAccess.Read, out ulong mapped) == Errno.None
            && mapped > 0;
    }

    // The access that is there and the one that shall be.
    private (NativeAccess From, NativeAccess To) Change(ulong address)
    {
        PageTableEntry entry = _pages.Peek(address);
        SecinfoFlags allowed = AllowedBy(entry);
        if (entry.Executable && (allowed & SecinfoFlags.X) == 0)
        {
            _ = LostExecution.Add(address);
        }

        return (entry.Native, (allowed & SecinfoFlags.R) == 0 ? NativeAccess.None : (allowed & SecinfoFlags.W) == 0
            ? NativeAccess.Read : NativeAccess.ReadWrite);
    }

    private void Change(ulong start, int pages, NativeAccess from, NativeAccess to)
    {
        ulong length = (ulong)pages * 4096;
        if (ByProtection)
        {
            SetNative(start, pages, to);
            for (int i = 0; i < pages; i++)
            {
                NoteUnprotected(start + (ulong)i * 4096);
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
                    if (_mappings.Find(start) is not { } mapping)
                    {
                        return;
                    }

                    mapping.File.Populate(mapping.OffsetOf(start), pages);
                    error = Presence.Continue(start, length, writeProtected: to == NativeAccess.Read);
                }

                if (error is Errno.ENOENT or Errno.EINVAL or Errno.EFAULT)
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
            _pages[start + (ulong)i * 4096].Native = access;
        }
    }

    /// <summary>Fork: the parent's mappings are natively executable in the same places.</summary>
    public void CopyExecutable(NativePages parent)
    {
        foreach (ulong page in parent._executable)
        {
            SetExecutable(page, true);
        }
    }

    /// <summary>The memory of a page was taken out of its file.</summary>
    public void NotePunched(EnclaveFile file, ulong offset)
    {
        foreach (EnclaveMapping mapping in _mappings.All)
        {
            if (mapping.File == file && mapping.AddressOf(offset) is { } address)
            {
                if (ByProtection && _pages.Peek(address).Native != NativeAccess.None)
                {
                    NoteUnprotected(address);
                }

                _pages.NotePunched(address);
            }
        }
    }

    /// <summary>The calls that give pages the protection they should have really: with mprotect only.</summary>
    public void AddProtectionCalls(RemoteCalls calls, bool all) => _protections.AddCalls(calls, all);

    /// <summary>A page's real protection has to be made anew.</summary>
    public void NoteUnprotected(ulong page) => _protections.Note(page);

    /// <summary>Fork, with mprotect: nothing is present in the child and nothing executable.</summary>
    public void ForgetExecutable()
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
        foreach (EnclaveMapping mapping in _mappings.All)
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
        if (_pages.Peek(page).Native == NativeAccess.Read)
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
            PageTableEntry entry = _pages.Peek(page);
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
        foreach (EnclaveMapping part in _dropped.SelectMany(range => _mappings.Within(range.Start, range.End)))
        {
            calls.Add(SystemCall.Madvise, part.Start, part.End - part.Start, dontNeed);
            SetNative(part.Start, (int)((part.End - part.Start) / 4096), NativeAccess.None);
        }

        _dropped.Clear();
    }

    private void Drop(ulong start, ulong end)
    {
        // A call in the program costs as much as a few pages one by one.
        const ulong many = 8 * 4096;
        if (end - start >= many && _mappings.Find(start) is { File.Views.Count: 1 } whole && end <= whole.End)
        {
            _dropped.Add((start, end));
            return;
        }

        for (ulong page = start; page < end; page += 4096)
        {
            if (_mappings.Find(page) is not { } mapping)
            {
                continue;
            }

            // Other address spaces lose their entry too, so their writers are stopped first and they fault it in again.
            foreach (IFileView other in mapping.File.Views)
            {
                other.StopWriters(page);
            }

            mapping.File.Unmap(mapping.OffsetOf(page));
            foreach (IFileView other in mapping.File.Views)
            {
                if (other != _space)
                {
                    other.Refresh(page);
                }
            }
        }
    }

    /// <summary>Forgets a range that is no longer mapped.</summary>
    public void Forget(ulong start, ulong end) => _executable.ExceptWith([.. _executable.GetViewBetween(start, end - 1)]);

    /// <inheritdoc/>
    public void Dispose() => Presence?.Dispose();

    /// <summary>Nobody writes to a page any more.</summary>
    public void StopWriters(ulong address)
    {
        ref PageTableEntry entry = ref _pages[address];
        if (entry.Native == NativeAccess.ReadWrite && Presence is not null)
        {
            Require(Presence.WriteProtect(address, 4096, on: true));
            entry.Native = NativeAccess.Read;
        }
    }

    /// <summary>What enclave code may do through an entry: what the entry and the page's EPCM entry both allow.</summary>
    public SecinfoFlags AllowedBy(in PageTableEntry entry) =>
        // PROT_ bits have the values of R, W and X.
        entry.Present ? _machine.Epcm[entry.Page].AllowedToEnclave & (SecinfoFlags)entry.Protection : 0;

    private static void Require(Errno error)
    {
        // A program that was killed, or has unmapped the range in between or put something else there, has nothing left to protect.
        if (error is not (Errno.None or Errno.ESRCH or Errno.ENOENT or Errno.EINVAL or Errno.EFAULT or Errno.EBUSY))
        {
            throw new LinuxException("userfaultfd", error);
        }
    }
}
