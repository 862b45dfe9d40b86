using Cloister.Architecture;
using Cloister.Engine.Platforms;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Memory;

/// <summary>What a process has really mapped of its enclaves: made to follow what the driver inserted and the EPCM allows.</summary>
/// <remarks>Pages are present or not by a userfaultfd, or by mprotect where there is none (<see cref="NativeProtections"/>).</remarks>
internal sealed class NativePages : IDisposable
{
    private const int Around = 16 * 4096; // as the kernel's own fault-around: mm/memory.c, fault_around_pages

    private readonly MappingList _mappings;
    private readonly PageTable _pages;
    private readonly SgxMachine _machine;
    private readonly NativeProtections _protections;
    private readonly AbsentPages _absent;

    public NativePages(IFileView space, MappingList mappings, PageTable pages, SgxMachine machine)
    {
        (_mappings, _pages, _machine) = (mappings, pages, machine);
        _protections = new NativeProtections(mappings, pages);
        _absent = new AbsentPages(space, mappings, pages, machine);
        Executable = new ExecutablePages(pages);
    }

    /// <summary>Pages come and go by mprotect in the program, for want of a userfaultfd.</summary>
    public bool ByProtection { get; set; }

    /// <summary>Decides which pages are present; null until the device was mapped.</summary>
    public Userfaultfd? Presence { get; set; }

    /// <summary>How many pages were mapped so far.</summary>
    public long Mapped { get; private set; }

    /// <summary>Those that are natively executable.</summary>
    public ExecutablePages Executable { get; }

    /// <summary>The driver's rules want a remote call in this address space before its threads run on.</summary>
    public bool NeedsRemoteCall => Executable.Lost.Count > 0 || !_protections.IsEmpty || _absent.NeedsCalls;

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
        if (before == NativeAccess.None && !ByProtection && _mappings.Find(page) is { } mapping)
        {
            // Its neighbours went with it, and to map some more costs little.
            ulong around = page & ~(ulong)(Around - 1);
            ulong start = Math.Max(mapping.Start, around), end = Math.Min(mapping.End, around + Around);
            Refresh(start, (int)((end - start) / 4096));
        }
        else
        {
            Refresh(page);
        }

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
        SecinfoFlags allowed = entry.AllowedBy(_machine);
        if (entry.Executable && (allowed & SecinfoFlags.X) == 0)
        {
            _ = Executable.Lost.Add(address);
        }

        return (entry.Native, (allowed & SecinfoFlags.R) == 0 ? NativeAccess.None : (allowed & SecinfoFlags.W) == 0
            ? NativeAccess.Read : NativeAccess.ReadWrite);
    }

    private void Change(ulong start, int pages, NativeAccess from, NativeAccess to)
    {
        ulong length = (ulong)pages * 4096;
        if (ByProtection)
        {
            _pages.SetNative(start, pages, to);
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
                    _pages.SetNative(start, pages, NativeAccess.Read);
                }

                _absent.Note(start, pages);
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
                Mapped += pages;
                break;
        }

        _pages.SetNative(start, pages, to);
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
    public void Flush() => _absent.Flush();

    /// <summary>The calls that take page-table entries away and leave the bytes where they are.</summary>
    public void AddDropCalls(RemoteCalls calls) => _absent.AddCalls(calls);

    /// <summary>How many pages are there really.</summary>
    public int CountPresent() => _mappings.All.Sum(mapping => _pages.Within(mapping.Start, mapping.End)
        .Count(page => _pages.Peek(page).Native != NativeAccess.None));

    /// <summary>The calls that take all page-table entries away; accesses bring them back (<see cref="MapAgain"/>).</summary>
    public void AddDropAllCalls(RemoteCalls calls)
    {
        const ulong dontNeed = 4;
        if (ByProtection || Presence is null)
        {
            return;
        }

        foreach (EnclaveMapping mapping in _mappings.All)
        {
            calls.Add(SystemCall.Madvise, mapping.Start, mapping.End - mapping.Start, dontNeed);
            foreach (ulong page in _pages.Within(mapping.Start, mapping.End))
            {
                if (_pages.Peek(page).Native != NativeAccess.None)
                {
                    _pages[page].Native = NativeAccess.None;
                }
            }
        }
    }

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

    private static void Require(Errno error)
    {
        // A program that was killed, or has unmapped the range in between or put something else there, has nothing left to protect.
        if (error is not (Errno.None or Errno.ESRCH or Errno.ENOENT or Errno.EINVAL or Errno.EFAULT or Errno.EBUSY))
        {
            throw new LinuxException("userfaultfd", error);
        }
    }
}
