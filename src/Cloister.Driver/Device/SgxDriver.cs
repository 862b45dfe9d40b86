using Cloister.Architecture;
using Cloister.Driver.Enclaves;
using Cloister.Driver.Faults;
using Cloister.Driver.Ioctls;
using Cloister.Driver.Ioctls.Tables;
using Cloister.Driver.Pages;
using Cloister.Driver.Services;
using Cloister.Processor;

namespace Cloister.Driver;

/// <summary>
/// Linux's SGX driver (arch/x86/kernel/cpu/sgx) over the machine's leaves: it never writes the EPC or its map itself.
/// Callers serialise: every member is called on one thread, and none from within <see cref="IAddressSpace"/>,
/// <see cref="IEnclaveStorage"/>, <see cref="IThreadKicker"/> or <see cref="ICaller"/>.
/// </summary>
public sealed partial class SgxDriver
{
    private readonly List<VirtualEpc> _virtualEpcs = [];
    private readonly DriverServices _services;
    private readonly EnclaveFaultHandler _enclaveFault;
    private readonly VirtualEpcMemory _virtualEpcMemory;

    /// <summary>Makes the driver of a machine that has just been switched on.</summary>
    /// <param name="machine">The processor and its EPC.</param>
    /// <param name="options">What can be chosen.</param>
    /// <param name="kicker">Drives threads out of an enclave.</param>
    public SgxDriver(SgxMachine machine, DriverOptions options, IThreadKicker kicker)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(kicker);
        _services = new DriverServices(new DriverState(machine, options, kicker));
        _enclaveFault = new EnclaveFaultHandler(State, _services.Epc, _services.Loader, _services.Augment);
        _virtualEpcMemory = new VirtualEpcMemory(State, _services.Epc);
    }

    /// <summary>The machine the driver drives.</summary>
    public SgxMachine Machine => State.Machine;

    /// <summary>What was chosen.</summary>
    public DriverOptions Options => State.Options;

    /// <summary>What the driver has done and holds.</summary>
    public DriverStatistics Statistics => new()
    {
        EpcPagesTotal = State.Pool.TotalCount,
        EpcPagesFree = State.Pool.FreeCount,
        EpcPagesReclaimable = State.Pool.ActiveCount,
        Enclaves = State.EnclaveCount,
        VirtualEpcs = _virtualEpcs.Count,
        BackingPages = State.Backing.Count,
        Adds = State.Counters.Adds,
        Augments = State.Counters.Augments,
        Evictions = State.Counters.Evictions,
        Loads = State.Counters.Loads,
        Removals = State.Counters.Removals,
        Faults = State.Counters.Faults,
        Ioctls = State.Counters.Ioctls,
        ReclaimRuns = State.Counters.ReclaimRuns,
        ForcedExits = State.Counters.ForcedExits,
    };

    /// <summary>Hears what the driver does. Nobody by default.</summary>
    public IDriverObserver Observer
    {
        get => State.Observer;
        set => State.Observer = value;
    }

    /// <summary>Why an ioctl refused last. Who reads it to tell of one sets it back, so that it is not taken for another's.</summary>
    public IoctlRefusal Refusal
    {
        get => State.Refusal;
        set => State.Refusal = value;
    }

    /// <summary>The open files of the device, in the order of their numbers; those that have an enclave have a size.</summary>
    public IReadOnlyList<SgxEnclave> Enclaves
    {
        get
        {
            List<SgxEnclave> all = [];
            State.ForEachEnclave(all.Add);
            return all;
        }
    }

    internal DriverState State => _services.State;

    /// <summary>open("/dev/sgx_enclave").</summary>
    /// <param name="storage">Where the enclave's pages shall live.</param>
    public SgxEnclave Open(IEnclaveStorage storage)
    {
        ArgumentNullException.ThrowIfNull(storage);
        return State.AddEnclave(storage);
    }

    /// <summary>
    /// The last descriptor and the last mapping are gone: everything the enclave has comes back, at whatever point of
    /// its life, and an ioctl under way is abandoned. Once more does nothing.
    /// </summary>
    /// <param name="enclave">The open file.</param>
    public void Release(SgxEnclave enclave)
    {
        ArgumentNullException.ThrowIfNull(enclave);
        if (!enclave.IsReleased)
        {
            enclave.Operation?.Dispose();
            _services.Memory.Release(enclave);
        }
    }

    /// <summary>ioctl on an open file of the enclave device.</summary>
    /// <param name="enclave">The open file.</param>
    /// <param name="command">The command number.</param>
    /// <param name="argument">The argument as the program gave it.</param>
    /// <param name="caller">The calling thread.</param>
    /// <returns>The call: done already, or to be continued.</returns>
    public IoctlOperation Ioctl(SgxEnclave enclave, uint command, ulong argument, ICaller caller)
    {
        State.ThrowIfStrange(enclave);
        ArgumentNullException.ThrowIfNull(caller);
        State.Counters.Ioctls++;
        Come(InjectedMoment.Ioctl);

        var row = IoctlTable.Find(Options.Generation, IoctlDevice.Enclave, command);

        // sgx_ioctl: one ioctl at a time, asked before the command is looked at.
        if (!State.Rules.BindsToMapping && enclave.Operation is { IsDone: false })
        {
            return Tell(new CompletedIoctl(State.Refuse(DriverError.EBUSY, IoctlRule.OneAtATime)), row, command, argument, enclave);
        }

        // sgx_ioctl gives ENOIOCTLCMD for a strange command, which vfs_ioctl turns into ENOTTY.
        if (row is null)
        {
            return Tell(new CompletedIoctl(State.Refuse(DriverError.ENOTTY, IoctlRule.KnownCommand, command)), null, command,
                argument, enclave);
        }

        if (Injected(row) is { } failed)
        {
            return Tell(failed, row, command, argument, enclave);
        }

        var operation = row.Create(new IoctlCall(_services, enclave, null, argument, caller));
        if (!State.Rules.BindsToMapping)
        {
            enclave.Operation = operation;
        }

        return Tell(operation, row, command, argument, enclave);
    }

    private CompletedIoctl? Injected(IoctlRow row)
    {
        if (State.Injections.Ioctl(row.Name) is not { } failure)
        {
            return null;
        }

        State.Observer.Injected(failure);
        return new CompletedIoctl(State.Refuse(failure.Error, IoctlRule.NotInjected));
    }

    private IoctlOperation Tell(IoctlOperation operation, IoctlRow? row, uint command, ulong argument, SgxEnclave? enclave)
    {
        State.Observer.IoctlBegan(operation, row?.Name, command, argument, enclave);
        if (operation.IsDone)
        {
            State.Observer.IoctlEnded(operation);
        }
        else
        {
            operation.Ended = State.Observer.IoctlEnded;
        }

        return operation;
    }

    /// <summary>
    /// Whether a mapping of the range may have these protections: asked for mmap and for mprotect (sgx_encl_may_map).
    /// </summary>
    /// <param name="enclave">The open file that is mapped.</param>
    /// <param name="start">First address.</param>
    /// <param name="end">The address behind the last.</param>
    /// <param name="protection">What the mapping shall have.</param>
    /// <param name="readImpliesExecute">The caller has the READ_IMPLIES_EXEC personality.</param>
    /// <returns>0 or -EACCES.</returns>
    public int MayMap(
        SgxEnclave enclave,
        LinearAddress start,
        LinearAddress end,
        Protection protection,
        bool readImpliesExecute = false)
    {
        State.ThrowIfStrange(enclave);
        return State.Rules.BindsToMapping ? 0 : -(int)MappingRules.MayMap(State.Rules, enclave, start, end, protection, readImpliesExecute);
    }

    /// <summary>mmap of the device file: the rules of <see cref="MayMap"/> and, when it may, the address space is noted.</summary>
    /// <param name="enclave">The open file that is mapped.</param>
    /// <param name="addressSpace">The address space it is mapped into.</param>
    /// <param name="start">First address.</param>
    /// <param name="end">The address behind the last.</param>
    /// <param name="protection">What the mapping shall have.</param>
    /// <param name="isPrivate">MAP_PRIVATE, which the driver refuses.</param>
    /// <param name="readImpliesExecute">The caller has the READ_IMPLIES_EXEC personality.</param>
    /// <returns>0, -EINVAL for a private mapping or -EACCES.</returns>
    public int Mmap(
        SgxEnclave enclave,
        IAddressSpace addressSpace,
        LinearAddress start,
        LinearAddress end,
        Protection protection,
        bool isPrivate,
        bool readImpliesExecute = false)
    {
        // sgx_get_unmapped_area comes before sgx_mmap.
        if (isPrivate)
        {
            return -(int)DriverError.EINVAL;
        }

        int result = State.Rules.BindsToMapping
            ? -(int)MappingRules.Bind(enclave, addressSpace, start, end)
            : MayMap(enclave, start, end, protection, readImpliesExecute);
        if (result == 0)
        {
            AddressSpaceMapped(enclave, addressSpace);
        }

        return result;
    }

    /// <summary>An address space has a mapping of the enclave now: by mmap, or a child by fork (sgx_encl_mm_add).</summary>
    /// <param name="enclave">The open file.</param>
    /// <param name="addressSpace">The address space; noted once however often it comes.</param>
    public void AddressSpaceMapped(SgxEnclave enclave, IAddressSpace addressSpace)
    {
        State.ThrowIfStrange(enclave);
        ArgumentNullException.ThrowIfNull(addressSpace);
        if (!enclave.AddressSpaces.Contains(addressSpace))
        {
            enclave.AddressSpaces.Add(addressSpace);
        }
    }

    /// <summary>An address space ends, by exit or by exec (sgx_mmu_notifier_release).</summary>
    /// <param name="addressSpace">The address space; unknown ones are no error.</param>
    public void AddressSpaceReleased(IAddressSpace addressSpace)
    {
        ArgumentNullException.ThrowIfNull(addressSpace);
        State.EncluHandlers.Remove(addressSpace);
        State.ForEachEnclave(enclave => enclave.AddressSpaces.Remove(addressSpace));
    }

    /// <summary>
    /// A page fault on a mapping of the enclave that the mapping's protections allow (sgx_vma_fault): the page is
    /// loaded, or added by EAUG, and installed.
    /// </summary>
    /// <param name="enclave">The open file that is mapped there.</param>
    /// <param name="addressSpace">Where the fault was.</param>
    /// <param name="address">The address that was accessed.</param>
    /// <param name="access">How it was accessed.</param>
    /// <param name="mapping">The protections of the mapping.</param>
    public VmFault Fault(
        SgxEnclave enclave,
        IAddressSpace addressSpace,
        LinearAddress address,
        AccessKind access,
        Protection mapping)
    {
        State.ThrowIfStrange(enclave);
        ArgumentNullException.ThrowIfNull(addressSpace);
        State.Observer.FaultBegan(enclave, address, access);
        Come(InjectedMoment.Fault);
        VmFault result = _enclaveFault.Handle(enclave, addressSpace, address.PageBase, access, mapping);
        State.Observer.FaultEnded(result);
        return result;
    }

    /// <summary>
    /// A write to a page that is installed, but not for writing, in a mapping that allows writing
    /// (sgx_vma_pfn_mkwrite of EDMM V1 and V2, where page-table entries follow the enclave's permissions).
    /// </summary>
    /// <param name="enclave">The open file that is mapped there.</param>
    /// <param name="address">The address that was written.</param>
    /// <returns>NoPage when the entry is to be made writable, as the kernel does by itself in all other generations.</returns>
    public VmFault WriteFault(SgxEnclave enclave, LinearAddress address)
    {
        State.ThrowIfStrange(enclave);
        State.Observer.FaultBegan(enclave, address, AccessKind.Write);
        VmFault result = _enclaveFault.HandleWrite(enclave, address.PageBase);
        State.Observer.FaultEnded(result);
        return result;
    }

    /// <summary>
    /// Another program reads or writes enclave memory, by ptrace or /proc/PID/mem (sgx_vma_access): EDBGRD and EDBGWR,
    /// of an enclave with the DEBUG attribute only.
    /// </summary>
    /// <param name="enclave">The open file that is mapped there.</param>
    /// <param name="address">First byte.</param>
    /// <param name="buffer">The bytes read, or to write.</param>
    /// <param name="write">Whether to write.</param>
    /// <param name="mapping">The protections of the mapping.</param>
    /// <returns>Bytes done, or a negated <see cref="DriverError"/>.</returns>
    public long Access(SgxEnclave enclave, LinearAddress address, Span<byte> buffer, bool write, Protection mapping)
    {
        State.ThrowIfStrange(enclave);
        return new DebugAccess(State, _services.Epc, _services.Loader).Execute(enclave, address, buffer, write, mapping);
    }

    /// <summary>Whether the driver has a page, in the EPC or written out.</summary>
    /// <param name="enclave">The open file.</param>
    /// <param name="address">Linear address of the page.</param>
    public bool HasPage(SgxEnclave enclave, LinearAddress address)
    {
        State.ThrowIfStrange(enclave);
        return enclave.Pages.Contains(address.Value >> 12);
    }

    /// <summary>EPC pages that can be had before ksgxd begins to make room, less what goes into version arrays.</summary>
    public int SparePages => State.Pool.FreeCount - Options.HighPages - (State.Pool.FreeCount / VaPage.SlotCount) - 1;

    /// <summary>How many pages from an address on a fault would add now, one after the other, with nothing evicted for them.</summary>
    /// <param name="enclave">The open file.</param>
    /// <param name="start">Linear address of the first page.</param>
    /// <param name="most">No more than these; they must be spare (<see cref="SparePages"/>).</param>
    public int PagesToAdd(SgxEnclave enclave, LinearAddress start, int most)
    {
        State.ThrowIfStrange(enclave);
        return _enclaveFault.CountAddable(enclave, start, most);
    }

    /// <summary>The kernel's reclaim thread: called when the programs leave time.</summary>
    /// <param name="budget">Runs of 16 pages at most.</param>
    /// <returns>True when there is more to do.</returns>
    public bool Ksgxd(int budget) => _services.Epc.Ksgxd(budget);
}
