using Cloister.Architecture;
using Cloister.Driver.Enclaves;
using Cloister.Driver.Reclaim;
using Cloister.Processor;

namespace Cloister.Driver.Faults;

/// <summary>Page faults on the enclave device (sgx_vma_fault).</summary>
internal sealed class EnclaveFaultHandler
{
    private const Protection Everything = Protection.Read | Protection.Write | Protection.Execute;

    private readonly DriverState _state;
    private readonly EpcAllocator _epc;
    private readonly EnclavePageLoader _loader;
    private readonly EnclaveAugment _augment;

    public EnclaveFaultHandler(DriverState state, EpcAllocator epc, EnclavePageLoader loader, EnclaveAugment augment)
    {
        _state = state;
        _epc = epc;
        _loader = loader;
        _augment = augment;
    }

    /// <summary>A fault where no page is installed (sgx_vma_fault).</summary>
    public VmFault Handle(
        SgxEnclave enclave,
        IAddressSpace addressSpace,
        LinearAddress address,
        AccessKind access,
        Protection mapping)
    {
        _state.Counters.Faults++;
        if (_state.Injections.Faulted() is { } eviction)
        {
            _state.Observer.Injected(eviction);
            _epc.ReclaimBatch();
        }

        bool isNew = _state.Rules is { SignalsAddedPages: false, BindsToMapping: false } && !enclave.Pages.Contains(address.Value >> 12);
        var error = FindPage(enclave, address, access, mapping, out var page, out var entry);
        if (error == DriverError.EBUSY)
        {
            // Linux gives VM_FAULT_NOPAGE and the thread faults again and again until ksgxd, woken by the allocation,
            // has made room. Here ksgxd's part is done on the spot.
            _epc.MakeRoom(Math.Min(EnclaveAugment.MaximumAllocations, _state.Pool.LimitCount));
            error = FindPage(enclave, address, access, mapping, out page, out entry);
        }

        if (error == DriverError.None)
        {
            addressSpace.InsertPage(address, page, entry);
        }

        if (isNew && error == DriverError.None && _state.Injections.Augmented() is { } race)
        {
            _state.Observer.Injected(race);
            return VmFault.Sigbus;
        }

        return error is DriverError.None or DriverError.EBUSY ? VmFault.NoPage : VmFault.Sigbus;
    }

    /// <summary>A write to a page installed without write permission (sgx_vma_pfn_mkwrite).</summary>
    public VmFault HandleWrite(SgxEnclave enclave, LinearAddress address)
    {
        _state.Counters.Faults++;
        if (!_state.Rules.EntriesFollowPages)
        {
            return VmFault.NoPage;
        }

        ref var page = ref enclave.Pages.TryGet(address.Value >> 12, out bool exists);
        return exists && (page.RunProtection & Protection.Write) != 0 ? VmFault.NoPage : VmFault.Sigbus;
    }

    /// <summary>
    /// Adds the pages of a range that are not there, and installs them all, until there is no room: "pre-fault all the
    /// EAUG pages" (V2 16/32, 3 March 2022). The populate operation posted for it ran EAUG alone and left each page to be
    /// faulted in (sgx_populate, 20220308111003.257351-4-jarkko@kernel.org). Nothing is reclaimed, so that what was added
    /// is there when it is used.
    /// </summary>
    /// <returns>The error that ended it.</returns>
    public DriverError Populate(SgxEnclave enclave, IAddressSpace addressSpace, LinearAddress start, LinearAddress end, Protection mapping)
    {
        for (var address = start; address < end; address += LinearAddress.PageSize)
        {
            var error = FindPage(enclave, address, AccessKind.Read, mapping, out var page, out var entry);
            if (error != DriverError.None)
            {
                return error;
            }

            addressSpace.InsertPage(address, page, entry);
        }

        return DriverError.None;
    }

    /// <summary>How many pages in a row <see cref="Handle"/> would add, were there room.</summary>
    public int CountAddable(SgxEnclave enclave, LinearAddress start, int most)
    {
        bool adds = _state.Rules is { AddsPagesOnFault: true, SignalsAddedPages: false, BindsToMapping: false }
            && _state.Machine.Options.Sgx2
            && enclave.IsInitialized && enclave.Secs.IsResident && !_state.Injections.MayRace
            && !_state.Injections.CountFaults;
        int count = 0;
        while (adds && count < most && start + ((ulong)count * LinearAddress.PageSize) - enclave.Base < enclave.Size
            && !enclave.Pages.Contains((start.Value >> 12) + (ulong)count))
        {
            count++;
        }

        return count;
    }

    private DriverError FindPage(
        SgxEnclave enclave,
        LinearAddress address,
        AccessKind access,
        Protection mapping,
        out EpcPage epcPage,
        out Protection entry)
    {
        epcPage = EpcPage.None;
        entry = Everything;
        ulong pageNumber = address.Value >> 12;
        ref var page = ref enclave.Pages.TryGet(pageNumber, out bool exists);
        if (_state.Rules.BindsToMapping && (!enclave.IsInitialized || enclave.IsDead))
        {
            return DriverError.EFAULT;
        }

        if (!exists)
        {
            // Linux, sgx_vma_fault: with SGX2 a page that is not there yet can be added.
            if (!_state.Rules.AddsPagesOnFault || !_state.Machine.Options.Sgx2)
            {
                return DriverError.EFAULT;
            }

            // V2 19/32, sgx_encl_eaug_page: the entry is for reading and writing (PAGE_SHARED).
            var added = AddPage(enclave, address, access, mapping, out epcPage);
            entry = enclave.Pages.Contains(pageNumber) ? enclave.Pages.TryGet(pageNumber, out _).MaximumProtection : entry;
            entry &= _state.Rules.EntriesFollowPages ? Protection.Read | Protection.Write : Everything;
            return added;
        }

        if (_state.Rules.EntriesFollowPages)
        {
            entry = page.RunProtection;

            // Linux would install the page and the fetch would fault on it for ever; the outcome is made a signal.
            if (access == AccessKind.Execute && (mapping & entry & Protection.Execute) == 0)
            {
                return DriverError.EFAULT;
            }
        }
        else if (!_state.Rules.BindsToMapping && (mapping & ~page.MaximumProtection) != 0)
        {
            // Linux, sgx_encl_load_page_in_vma: a mapping older than the page may have more than the page was built with.
            return DriverError.EFAULT;
        }

        var error = _loader.Load(enclave, pageNumber, ref page);
        epcPage = page.Epc;
        return error;
    }

    private DriverError AddPage(
        SgxEnclave enclave,
        LinearAddress address,
        AccessKind access,
        Protection mapping,
        out EpcPage epcPage)
    {
        epcPage = EpcPage.None;
        if (!_state.Rules.SignalsAddedPages)
        {
            return _augment.Add(enclave, address, out epcPage);
        }

        // isgx, sgx_encl_augment: the signal brings the enclave's handler to accept the page.
        if ((mapping & Protection.Write) == 0)
        {
            return DriverError.EFAULT;
        }

        var error = _augment.Add(enclave, address, out epcPage);
        return error == DriverError.None && access == AccessKind.Write ? DriverError.EFAULT : error;
    }
}
