using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Platforms;
using Cloister.Engine.Vdso;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Memory;

/// <summary>The memory of a traced program (one mm): shared by its threads, copied by fork, new at exec.</summary>
internal sealed class AddressSpace : IAddressSpace, ILinearMemory, IFileView, ICodeReader, IDisposable
{
    private const int MostDeparted = 64;
    private readonly SgxMachine _machine;
    private readonly IMappingObserver? _observer;

    /// <summary>Makes an address space without any mapping.</summary>
    /// <param name="machine">Whose EPCM says what is allowed.</param>
    /// <param name="process">A process that has it.</param>
    /// <param name="observer">Hears what becomes of mappings.</param>
    public AddressSpace(SgxMachine machine, int process, IMappingObserver? observer = null)
    {
        (_machine, _observer) = (machine, observer);
        Held = new HeldMemory(process) { Code = this, Breakpoints = Breakpoints };
        Native = new NativePages(this, Mappings, Pages, machine);
        Planted = new PlantedBreakpoints(CodeAt, SetCode);
    }

    /// <summary>Processes that live in it; the last one's end ends it.</summary>
    public int Users { get; set; }

    /// <summary>The memory as a platform holds it.</summary>
    public HeldMemory Held { get; }

    /// <summary>Its bytes.</summary>
    public RemoteMemory Memory => Held.Bytes;

    /// <summary>Device mappings.</summary>
    public MappingList Mappings { get; } = new();

    /// <summary>Parts of device mappings that were taken away lately, with the protection they had: a fork that began
    /// before has them still.</summary>
    public List<EnclaveMapping> Departed { get; } = [];

    /// <summary>What threads are taking away right now.</summary>
    public List<Unmapping> Unmappings { get; } = [];

    /// <summary>Page table entries of the device mappings.</summary>
    public PageTable Pages { get; } = new();

    /// <summary>What is really mapped there.</summary>
    public NativePages Native { get; }

    /// <summary>Addresses where CPUID was replaced by HLT.</summary>
    public HashSet<ulong> CpuidSites { get; } = [];

    /// <summary>CPUID faults in its threads; none is replaced.</summary>
    public bool CpuidFaults { get; set; }

    /// <summary>Whether nothing is replaced in its files when it is executed.</summary>
    public bool KeepsBytes { get; set; }

    /// <summary>Its execution breakpoints.</summary>
    public Breakpoints Breakpoints { get; } = new();

    /// <summary>A debugger holds a process that lives in it: it enters and leaves enclaves by the tracer alone.</summary>
    public bool IsDebugged { get; set; }

    /// <summary>A debugger's breakpoints in its own memory.</summary>
    public PlantedBreakpoints Planted { get; }

    /// <summary>Cloister's own pages in it, shared with this process; null before the first exec.</summary>
    public MappedFile? Table
    {
        get => Held.Table;
        set => Held.Table = value;
    }

    /// <summary>The inode of their file; 0 before the first exec.</summary>
    public ulong AreaInode
    {
        get => Held.AreaInode;
        set => Held.AreaInode = value;
    }

    /// <summary>The vDSO it was given.</summary>
    public VdsoImage? Vdso { get; set; }

    /// <summary>Its ordinary memory in the ranges of enclaves.</summary>
    public ElrangeMemory InElrange { get; } = new();

    /// <summary>Strict isolation: no thread is inside, and enclave memory has no access.</summary>
    public bool HidesEnclaves { get; set; }

    /// <inheritdoc/>
    public void InsertPage(LinearAddress address, EpcPage page, Protection entry)
    {
        ref PageTableEntry installed = ref Pages[address.Value];
        installed.Page = page;
        installed.Protection = entry;
        installed.Young = true;
        Native.Refresh(address.Value);
    }

    /// <summary>Lets an entry that is there be written through (pte_mkwrite).</summary>
    public void MakeWritable(LinearAddress page)
    {
        Pages[page.Value].Protection |= Protection.Write;
        Native.Refresh(page.Value);
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

            Native.Refresh(start, (int)((at - start) / 4096));
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

    /// <inheritdoc/>
    public PageWalk Walk(LinearAddress address, AccessKind access)
    {
        if (Mappings.Find(address.Value) is not { } mapping)
        {
            return OrdinaryMemory.Walk(this, address.Value, access);
        }

        // Linux, arch/x86/include/asm/pgtable_types.h, _PAGE_PROTNONE: the entries of a mapping without any right are not present.
        PageTableEntry entry = Pages.Peek(address.Value);
        if (!entry.Present || !mapping.IsAccessible)
        {
            return PageWalk.NotPresent;
        }

        return mapping.Grants(access) && Allows(entry, access) ? PageWalk.Epc(entry.Page) : PageWalk.Denied;
    }

    /// <inheritdoc/>
    public bool Read(LinearAddress address, Span<byte> destination) => Memory.TryRead(address.Value, destination);

    /// <inheritdoc/>
    public bool Write(LinearAddress address, ReadOnlySpan<byte> source) => Memory.TryWrite(address.Value, source);

    /// <summary>Whether an entry that is there allows an access.</summary>
    public static bool Allows(in PageTableEntry entry, AccessKind access) =>
        ((int)entry.Protection & EnclaveMapping.ProtectionFor(access)) != 0;

    /// <summary>What enclave code may do through an entry: what the entry and the page's EPCM entry both allow.</summary>
    public SecinfoFlags AllowedBy(in PageTableEntry entry) => entry.AllowedBy(_machine);

    /// <summary>Whether a range may hold a part of a device mapping: the books have one there, or a thread is taking one away.</summary>
    public bool MayHaveDevice(ulong start, ulong end) => Unmappings.Exists(unmapping => unmapping.Overlaps(start, end))
        || Mappings.Within(start, end).Count > 0;

    /// <summary>Whether a range has a sealed mapping of the device: nothing may be put there, nor be taken away. mm/vma.c,
    /// vms_gather_munmap_vmas.</summary>
    public bool HoldsSealed(ulong start, ulong length) => length > 0 && Mappings.Within(start, start + length)
        .Exists(part => part.IsSealed);

    /// <summary>Forgets a range that the program unmapped or mapped over.</summary>
    public HashSet<EnclaveFile> Unmap(ulong start, ulong end)
    {
        List<EnclaveMapping> departed = Mappings.Within(start, end);
        HashSet<EnclaveFile> files = Mappings.Remove(start, end);
        if (files.Count > 0)
        {
            Departed.AddRange(departed);
            Departed.RemoveRange(0, Math.Max(0, Departed.Count - MostDeparted));
            _observer?.Remapped(this, start, end, files);
            Pages.Forget(start, end);
            Native.Executable.Forget(start, end);
            Breakpoints.Remove(start, end);
        }

        foreach (EnclaveFile file in files)
        {
            if (!Mappings.All.Any(m => m.File == file))
            {
                _ = file.Views.Remove(this);
            }
        }

        return files;
    }

    /// <summary>The program gave a part of a device mapping another protection.</summary>
    public void Protect(EnclaveMapping part, int protection)
    {
        Mappings.Add(part with { Protection = protection });
        _observer?.Remapped(this, part.Start, part.End, protection == MemoryProtection.None ? [part.File] : []);
        foreach (ulong page in Pages.Within(part.Start, part.End))
        {
            if (Pages.Peek(page).Executable)
            {
                Native.Executable.Set(page, false);
            }

            if (Native.ByProtection && Pages.Peek(page).Native != NativeAccess.None)
            {
                Native.NoteUnprotected(page);
            }
        }
    }

    /// <inheritdoc/>
    /// <remarks>An enclave's code is fetched from the EPC.</remarks>
    public int ReadCode(ulong address, Span<byte> code)
    {
        int done = 0;
        while (done < code.Length)
        {
            ulong at = address + (ulong)done;
            int chunk = Math.Min(code.Length - done, HostPage.Size - HostPage.Offset(at));
            if (Mappings.Find(at) is { } mapping)
            {
                if (!Pages.Peek(at).Present)
                {
                    break;
                }

                mapping.File.Bytes(mapping.OffsetOf(HostPage.Start(at))).Slice(HostPage.Offset(at), chunk).CopyTo(code[done..]);
            }
            else if (at - Area.Base < Area.Length && Table is { } table)
            {
                // The vDSO and the gadget, which this process has mapped as well.
                table.Slice(RemoteCalls.Offset(at), chunk).CopyTo(code[done..]);
            }
            else if (!Memory.TryPeek(at, code.Slice(done, chunk)))
            {
                break;
            }

            done += chunk;
        }

        return done;
    }

    private byte? CodeAt(ulong address)
    {
        Span<byte> one = stackalloc byte[1];
        return Memory.TryPeek(address, one) ? one[0] : null;
    }

    // A shared mapping without PROT_WRITE takes no byte by /proc/PID/mem (mm/gup.c, check_vma_flags); Cloister's own pages are here too.
    private bool SetCode(ulong address, byte code)
    {
        if (address - Area.Base < Area.Length && Table is { } table)
        {
            table.Slice(RemoteCalls.Offset(address), 1)[0] = code;
            return true;
        }

        return Memory.TryPoke(address, [code]);
    }

    /// <inheritdoc/>
    public bool Reaches(EnclaveFile file, ulong address) => Mappings.Find(address) is { IsAccessible: true } mapping
        && mapping.File == file;

    /// <inheritdoc/>
    public void Refresh(EnclaveFile file, ulong offset, int pages) => Native.Refresh(file, offset, pages);

    /// <inheritdoc/>
    public void Refresh(ulong page) => Native.Refresh(page);

    /// <inheritdoc/>
    public void StopWriters(ulong page) => Native.StopWriters(page);

    /// <inheritdoc/>
    public void NotePunched(EnclaveFile file, ulong offset) => Native.NotePunched(file, offset);

    /// <inheritdoc/>
    public void Unguard(IllegalSite site) => Breakpoints.Remove(site);

    /// <inheritdoc/>
    public void Dispose()
    {
        Held.Dispose();
        Native.Dispose();
    }

    /// <summary>A range that a thread is about to take away: its system call has not ended yet.</summary>
    /// <param name="Thread">The thread's id.</param>
    /// <param name="Start">First byte.</param>
    /// <param name="End">Behind the last byte.</param>
    /// <param name="Lost">The device files that were mapped there.</param>
    public sealed record Unmapping(int Thread, ulong Start, ulong End, HashSet<EnclaveFile> Lost)
    {
        /// <summary>Whether it has a byte of a range.</summary>
        public bool Overlaps(ulong start, ulong end) => Start < end && start < End;
    }
}
