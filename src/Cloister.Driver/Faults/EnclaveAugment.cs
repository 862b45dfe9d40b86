using Cloister.Architecture;
using Cloister.Driver.Reclaim;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Faults;

/// <summary>Adds a page to an initialised enclave where it was accessed (sgx_encl_eaug_page).</summary>
internal sealed class EnclaveAugment(
    DriverState state,
    EpcAllocator epc,
    EnclaveMemory memory,
    EnclavePageLoader loader)
{
    /// <summary>Adds a pending page and installs it.</summary>
    /// <returns>EBUSY when there is no room now; any other error is a SIGBUS.</returns>
    public Errno Add(SgxEnclave enclave, IAddressSpace addressSpace, LinearAddress address, Protection mapping)
    {
        var error = Augment(enclave, address, out var page);
        if (error == Errno.None)
        {
            addressSpace.InsertPage(address, page, (mapping & Protection.Write) != 0);
        }

        return error;
    }

    private Errno Augment(SgxEnclave enclave, LinearAddress address, out EpcPage page)
    {
        page = EpcPage.None;

        // Linux, sgx_encl_eaug_page: SIGBUS before EINIT.
        if (!enclave.IsInitialized)
        {
            return Errno.EFAULT;
        }

        var error = loader.LoadSecs(enclave);
        if (error != Errno.None)
        {
            return error;
        }

        error = epc.Allocate(reclaim: false, null, out page);
        if (error != Errno.None)
        {
            return error;
        }

        error = memory.Grow(enclave, reclaim: false, null, out bool added);
        if (error != Errno.None)
        {
            epc.Free(page, enclave.Secs.Epc);
            return error;
        }

        ulong offset = address - enclave.Base;
        bool isInside = offset < enclave.Size;
        if (isInside)
        {
            enclave.Storage.Place(page, offset);
        }

        // EAUG refuses an address outside the enclave's range (SDM 3D, EAUG); a mapping older than CREATE can have it.
        if (!isInside || Eaug.Execute(state.Machine, enclave.Secs.Epc, address, null, page) is { IsSuccess: false })
        {
            memory.Shrink(enclave, added);
            epc.Free(page, enclave.Secs.Epc);
            if (isInside)
            {
                enclave.Storage.Remove(page, offset);
            }

            return Errno.EFAULT;
        }

        // Linux, sgx_encl_eaug_page: the most is RWX; the enclave decides by EACCEPT, EACCEPTCOPY and EMODPE.
        enclave.Pages.TryAdd(address.Value >> 12, EnclavePage.NotAnywhere with
        {
            EpcIndex = page.Index,
            Type = PageType.Reg,
            MaximumProtection = Protection.Read | Protection.Write | Protection.Execute,
        });
        enclave.ResidentPageCount++;
        state.Pool.MarkReclaimable(page, enclave.Number, address.Value >> 12);
        state.Counters.Augments++;
        return Errno.None;
    }
}
