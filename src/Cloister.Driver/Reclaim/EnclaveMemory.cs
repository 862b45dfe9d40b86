using Cloister.Architecture;
using Cloister.Driver.Enclaves;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Reclaim;

/// <summary>What ioctls and faults do alike with an enclave's pages: room for versions, tracking, and the end.</summary>
internal sealed class EnclaveMemory(DriverState state, EpcAllocator epc)
{
    /// <summary>Counts a page in and, every 512, adds a version array page for it (sgx_encl_grow).</summary>
    /// <param name="enclave">The enclave.</param>
    /// <param name="reclaim">As for <see cref="EpcAllocator.Allocate"/>.</param>
    /// <param name="signals">As for <see cref="EpcAllocator.Allocate"/>.</param>
    /// <param name="added">Whether an array page was added, for <see cref="Shrink"/>.</param>
    public DriverError Grow(SgxEnclave enclave, bool reclaim, ISignals? signals, out bool added)
    {
        added = false;
        if (enclave.Versions.NeedsPage)
        {
            var error = epc.Allocate(reclaim, signals, out var page);
            if (error != DriverError.None)
            {
                return error;
            }

            // Linux, sgx_alloc_va_page: EPA can fail by a fault of the kernel's own only.
            if (Epa.Execute(state.Machine, page) is { IsSuccess: false })
            {
                epc.Free(page, EpcPage.None);
                return DriverError.EFAULT;
            }

            enclave.Versions.Add(page);
            added = true;
        }

        enclave.Versions.Grow();
        return DriverError.None;
    }

    /// <summary>Counts a page out (sgx_encl_shrink).</summary>
    /// <param name="enclave">The enclave.</param>
    /// <param name="added">Whether the array page added last goes too.</param>
    public void Shrink(SgxEnclave enclave, bool added)
    {
        enclave.Versions.Shrink();
        if (added)
        {
            epc.Free(enclave.Versions.RemoveLast(), EpcPage.None);
        }
    }

    /// <summary>
    /// Ends the use of every cached translation of the enclave (sgx_enclave_etrack): ETRACK, then all threads out.
    /// </summary>
    /// <returns>EFAULT when ETRACK fails even with every thread outside.</returns>
    public DriverError Track(SgxEnclave enclave)
    {
        var secs = enclave.Secs.Epc;
        if (Etrack.Execute(state.Machine, secs) is { IsSuccess: false })
        {
            state.ForceExits(secs);
            if (Etrack.Execute(state.Machine, secs) is { IsSuccess: false })
            {
                return DriverError.EFAULT;
            }
        }

        state.ForceExits(secs);
        return DriverError.None;
    }

    /// <summary>Kills an enclave: nobody enters it again, its pages are freed at once (sgx_invalidate).</summary>
    public void Invalidate(SgxEnclave enclave)
    {
        enclave.IsDead = true;
        ulong index = 0;
        for (; enclave.Pages.TryNext(ref index, ulong.MaxValue); index++)
        {
            ref var page = ref enclave.Pages.TryGet(index, out _);
            if (page.IsResident)
            {
                enclave.Zap(index);
                FreeResident(enclave, index, page.Epc);
                page.EpcIndex = EnclavePage.None;
            }
        }
    }

    /// <summary>Gives everything back (sgx_encl_release).</summary>
    public void Release(SgxEnclave enclave)
    {
        enclave.IsReleased = true;
        enclave.AddressSpaces.Clear();
        enclave.AddRequests.Clear();
        ulong index = 0;
        for (; enclave.Pages.TryNext(ref index, ulong.MaxValue); index++)
        {
            ref var page = ref enclave.Pages.TryGet(index, out _);
            if (page.IsResident)
            {
                FreeResident(enclave, index, page.Epc);
            }
            else if (page.Backing != EnclavePage.None)
            {
                enclave.Backing.Return(page.Backing);
            }
        }

        enclave.Pages.Clear();
        if (enclave.Secs.IsResident)
        {
            epc.Free(enclave.Secs.Epc, enclave.Secs.Epc);
        }
        else if (enclave.Secs.Backing != EnclavePage.None)
        {
            enclave.Backing.Return(enclave.Secs.Backing);
        }

        enclave.Secs = EnclavePage.NotAnywhere;
        foreach (var versions in enclave.Versions.Pages)
        {
            epc.Free(versions.Page, EpcPage.None);
        }

        enclave.Versions.Clear();
        state.RemoveEnclave(enclave);
    }

    /// <summary>Frees the EPC page of an enclave page that nothing maps any more.</summary>
    public void FreeResident(SgxEnclave enclave, ulong pageNumber, EpcPage page)
    {
        if (!state.Pool.TryUnmarkReclaimable(page))
        {
            throw new InvalidOperationException($"{page} is freed while it is being reclaimed.");
        }

        epc.Free(page, enclave.SecsPage);
        enclave.Storage.Remove(page, enclave.OffsetOf(pageNumber));
        enclave.ResidentPageCount--;
    }
}
