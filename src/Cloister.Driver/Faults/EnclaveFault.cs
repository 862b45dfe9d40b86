using Cloister.Architecture;
using Cloister.Driver.Reclaim;

namespace Cloister.Driver.Faults;

/// <summary>Page faults on the enclave device (sgx_vma_fault).</summary>
internal sealed class EnclaveFault
{
    // SECS, page and version array page: the most one fault allocates.
    private const int PagesOfOneFault = 3;

    private readonly DriverState _state;
    private readonly EpcAllocator _epc;
    private readonly EnclavePageLoader _loader;
    private readonly EnclaveAugment _augment;

    public EnclaveFault(DriverState state, EpcAllocator epc, EnclaveMemory memory, EnclavePageLoader loader)
    {
        _state = state;
        _epc = epc;
        _loader = loader;
        _augment = new EnclaveAugment(state, epc, memory, loader);
    }

    public VmFault Handle(SgxEnclave enclave, IAddressSpace addressSpace, LinearAddress address, Protection mapping)
    {
        _state.Counters.Faults++;
        var error = Try(enclave, addressSpace, address, mapping);
        if (error == Errno.EBUSY)
        {
            // Linux gives VM_FAULT_NOPAGE and the thread faults again and again until ksgxd, woken by the allocation,
            // has made room. Here ksgxd's part is done on the spot.
            _epc.MakeRoom(Math.Min(PagesOfOneFault, _state.Pool.TotalCount));
            error = Try(enclave, addressSpace, address, mapping);
        }

        return error switch
        {
            Errno.None or Errno.EBUSY => VmFault.NoPage,
            _ => VmFault.Sigbus,
        };
    }

    private Errno Try(SgxEnclave enclave, IAddressSpace addressSpace, LinearAddress address, Protection mapping)
    {
        ulong pageNumber = address.Value >> 12;
        ref var page = ref enclave.Pages.TryGet(pageNumber, out bool exists);
        if (!exists)
        {
            // Linux, sgx_vma_fault: with SGX2 a page that is not there yet can be added.
            return _state.Machine.Options.Sgx2
                ? _augment.Add(enclave, addressSpace, address, mapping)
                : Errno.EFAULT;
        }

        // Linux, sgx_encl_load_page_in_vma: a mapping older than the page may have more than the page was built with.
        if ((mapping & ~page.MaximumProtection) != 0)
        {
            return Errno.EFAULT;
        }

        var error = _loader.Load(enclave, pageNumber, ref page);
        if (error == Errno.None)
        {
            addressSpace.InsertPage(address, page.Epc, (mapping & Protection.Write) != 0);
        }

        return error;
    }
}
