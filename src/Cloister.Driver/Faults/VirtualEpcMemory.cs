using Cloister.Architecture;
using Cloister.Driver.Enclaves;
using Cloister.Driver.Reclaim;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Faults;

/// <summary>Pages of virtual EPC: put in place by page faults, never reclaimed, gone with the file (virt.c).</summary>
internal sealed class VirtualEpcMemory(DriverState state, EpcAllocator epc)
{
    // SECS pages of closed files whose children are in a file that is still open (zombie_secs_pages).
    private readonly List<EpcPage> _zombies = [];

    /// <summary>A page fault (sgx_vepc_fault).</summary>
    public VmFault Fault(
        VirtualEpc virtualEpc,
        IAddressSpace addressSpace,
        LinearAddress address,
        ulong offset,
        Protection mapping)
    {
        state.Counters.Faults++;
        var page = virtualEpc.PageAt(offset);
        if (page.IsNone)
        {
            // Linux gives VM_FAULT_RETRY for EBUSY until ksgxd has made room; here it is made on the spot.
            epc.MakeRoom(1);
            if (epc.Allocate(reclaim: false, null, out page) != DriverError.None)
            {
                return VmFault.Sigbus;
            }

            virtualEpc.Pages.TryAdd(offset >> 12, page.Index);
            virtualEpc.Storage.Place(page, offset & ~(ulong)(LinearAddress.PageSize - 1));
        }

        addressSpace.InsertPage(address, page, mapping);
        return VmFault.NoPage;
    }

    /// <summary>
    /// The file is gone (sgx_vepc_release): all pages are removed, then the SECS pages that had their children here,
    /// then the left-over SECS pages of earlier files.
    /// </summary>
    public void Release(VirtualEpc virtualEpc)
    {
        virtualEpc.IsReleased = true;
        ulong index = 0;
        for (; virtualEpc.Pages.TryNext(ref index, ulong.MaxValue); index++)
        {
            var page = new EpcPage(virtualEpc.Pages.TryGet(index, out _));
            virtualEpc.Storage.Remove(page, index << 12);
            if (TryFree(page))
            {
                virtualEpc.Pages.Remove(index);
            }
        }

        var left = new List<EpcPage>();
        for (index = 0; virtualEpc.Pages.TryNext(ref index, ulong.MaxValue); index++)
        {
            var page = new EpcPage(virtualEpc.Pages.TryGet(index, out _));
            if (!TryFree(page))
            {
                left.Add(page);
            }
        }

        virtualEpc.Pages.Clear();
        _zombies.RemoveAll(TryFree);
        _zombies.AddRange(left);
    }

    private bool TryFree(EpcPage page)
    {
        if (!Eremove.Execute(state.Machine, page).IsSuccess)
        {
            return false;
        }

        state.Pool.Give(page);
        return true;
    }
}
