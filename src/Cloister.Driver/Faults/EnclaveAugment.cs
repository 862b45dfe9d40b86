using Cloister.Architecture;
using Cloister.Driver.Enclaves;
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
    /// <summary>SECS, page and version array page: the most that adding one page allocates.</summary>
    public const int MaximumAllocations = 3;

    /// <summary>Adds a pending page. Nothing is reclaimed for it, or the SECS might go on the way.</summary>
    /// <param name="enclave">The enclave.</param>
    /// <param name="address">Page aligned linear address.</param>
    /// <param name="page">The EPC page.</param>
    /// <returns>
    /// EBUSY when there is no room now, EEXIST when the page is there, ENOMEM, and EFAULT when EAUG refuses.
    /// </returns>
    public DriverError Add(SgxEnclave enclave, LinearAddress address, out EpcPage page)
    {
        page = EpcPage.None;

        // Linux, sgx_encl_eaug_page: SIGBUS before EINIT.
        if (!enclave.IsInitialized)
        {
            return DriverError.EFAULT;
        }

        var error = loader.LoadSecs(enclave);
        if (error != DriverError.None)
        {
            return error;
        }

        if (enclave.Pages.Contains(address.Value >> 12))
        {
            return DriverError.EEXIST;
        }

        error = epc.Allocate(reclaim: false, null, out page);
        if (error != DriverError.None)
        {
            return error;
        }

        error = memory.Grow(enclave, reclaim: false, null, out bool added);
        if (error != DriverError.None)
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

            return DriverError.EFAULT;
        }

        // Linux, sgx_encl_eaug_page: the enclave decides by EACCEPT, EACCEPTCOPY and EMODPE what of the most it has.
        var maximum = MaximumOf(enclave);
        enclave.Pages.TryAdd(address.Value >> 12, EnclavePage.NotAnywhere with
        {
            EpcIndex = page.Index,
            Type = PageType.Reg,
            MaximumProtection = maximum,
            RunProtection = maximum & state.Rules.RunProtectionOfAddedPages,
        });
        enclave.ResidentPageCount++;
        state.Pool.MarkReclaimable(page, enclave.Number, address.Value >> 12);
        state.Counters.Augments++;
        return DriverError.None;
    }

    // 3 March 2022, on V2 16/32: by the user's policy "vm_max_prot_bits" is RWX for the enclaves it names. Where there
    // is a policy the others have no more than read and write.
    private Protection MaximumOf(SgxEnclave enclave)
    {
        if (state.Policy is not { } policy)
        {
            return state.Rules.MaximumOfAddedPages;
        }

        const Protection ReadWrite = Protection.Read | Protection.Write;
        return policy.Names(enclave.Mrenclave, enclave.Mrsigner) ? ReadWrite | Protection.Execute : ReadWrite;
    }
}
