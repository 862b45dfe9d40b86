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
    private readonly HashSet<ulong> _residue = [];
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
    public List<ulong> LostExecution { get; } = [];

    /// <summary>The driver's rules want a remote call in this address space before its threads run on.</summary>
    public bool NeedsRemoteCall => LostExecution.Count > 0 || _unprotected.Count > 0;

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
        for (ulong at = address.Value; at < address.Value + length; at += 4096)
        {
            ref PageTableEntry entry = ref Pages[at];
            if (entry.Present)
            {
                entry.Clear();
                Refresh(at);
            }
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
    public void Refresh(ulong address)
    {
        ref PageTableEntry entry = ref Pages[address];
        SecinfoFlags allowed = AllowedBy(entry);
        NativeAccess wanted = (allowed & SecinfoFlags.R) == 0 ? NativeAccess.None
            : (allowed & SecinfoFlags.W) == 0 ? NativeAccess.Read : NativeAccess.ReadWrite;
        if (entry.Executable && (allowed & SecinfoFlags.X) == 0)
        {
            LostExecution.Add(address);
        }

        if (wanted == entry.Native)
        {
            return;
        }

        if (ByProtection)
        {
            entry.Native = wanted;
            _ = _unprotected.Add(address);
            return;
        }

        if (Presence is null)
        {
            return;
        }

        switch (wanted)
        {
            case NativeAccess.None:
                // Stop writers now; the entry goes when the page's memory does, or at the next flush.
                if (entry.Native == NativeAccess.ReadWrite)
                {
                    Require(Presence.WriteProtect(address, 4096, on: true));
                    entry.Native = NativeAccess.Read;
                }

                _residue.Add(address);
                return;
            case NativeAccess.Read when entry.Native == NativeAccess.ReadWrite:
                Require(Presence.WriteProtect(address, 4096, on: true));
                break;
            case NativeAccess.ReadWrite when entry.Native == NativeAccess.Read:
                Require(Presence.WriteProtect(address, 4096, on: false));
                break;
            default:
                Errno error = Presence.Continue(address, 4096, writeProtected: wanted == NativeAccess.Read);
                if (error == Errno.EFAULT)
                {
                    // The file has no page here yet (it reads as zero): touch it, then map it.
                    EnclaveMapping? mapping = Mappings.Find(address);
                    if (mapping is null)
                    {
                        return;
                    }

                    Span<byte> bytes = mapping.File.Bytes(mapping.OffsetOf(address));
                    bytes[0] = bytes[0];
                    error = Presence.Continue(address, 4096, writeProtected: wanted == NativeAccess.Read);
                }

                if (error == Errno.ENOENT || error == Errno.EINVAL)
                {
                    // Unmapped under the driver's feet: the next access finds no mapping.
                    return;
                }

                Require(error);
                break;
        }

        entry.Native = wanted;
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
                for (ulong page = mapping.Start; page < mapping.End; page += 4096)
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

    /// <summary>A page's EPCM entry changed.</summary>
    public void Refresh(EnclaveFile file, ulong offset)
    {
        foreach (EnclaveMapping mapping in Mappings.All)
        {
            if (mapping.File == file && mapping.AddressOf(offset) is { } address)
            {
                Refresh(address);
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
        foreach (ulong address in _residue)
        {
            PageTableEntry entry = Pages.Peek(address);
            bool wanted = (AllowedBy(entry) & SecinfoFlags.R) != 0;
            if (!wanted && entry.Native != NativeAccess.None && Mappings.Find(address) is { } mapping)
            {
                // Other address spaces lose their entry too, so their writers are stopped first and they fault it in again.
                foreach (AddressSpace other in mapping.File.AddressSpaces)
                {
                    other.StopWriters(address);
                }

                mapping.File.Unmap(mapping.OffsetOf(address));
                foreach (AddressSpace other in mapping.File.AddressSpaces)
                {
                    if (other != this)
                    {
                        other.Refresh(address);
                    }
                }
            }
        }

        _residue.Clear();
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
