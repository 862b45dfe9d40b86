using Cloister.Architecture;
using Cloister.Driver.Enclaves;
using Cloister.Driver.Reclaim;

namespace Cloister.Driver.Faults;

/// <summary>Brings pages back that were written out (sgx_encl_load_page, sgx_encl_eldu).</summary>
internal sealed class EnclavePageLoader(DriverState state, EpcAllocator epc)
{
    /// <summary>Makes sure that a page of the enclave is in the EPC.</summary>
    /// <param name="enclave">The enclave.</param>
    /// <param name="pageNumber">Linear page number of a page the enclave has.</param>
    /// <param name="page">Its record.</param>
    /// <returns>EBUSY when there is no room now, ENOMEM when there will be none, EFAULT when the page is spoilt.</returns>
    public DriverError Load(SgxEnclave enclave, ulong pageNumber, ref EnclavePage page)
    {
        if (page.IsResident)
        {
            return DriverError.None;
        }

        var error = LoadSecs(enclave);
        if (error != DriverError.None)
        {
            return error;
        }

        error = epc.Allocate(reclaim: false, null, out var epcPage);
        if (error != DriverError.None)
        {
            return error;
        }

        ulong offset = enclave.OffsetOf(pageNumber);
        enclave.Storage.Place(epcPage, offset);
        error = Eldu(enclave, ref page, new LinearAddress(pageNumber << 12), enclave.Secs.Epc, epcPage);
        if (error != DriverError.None)
        {
            epc.Free(epcPage, enclave.Secs.Epc);
            enclave.Storage.Remove(epcPage, offset);
            return error;
        }

        enclave.ResidentPageCount++;
        state.Pool.MarkReclaimable(epcPage, enclave.Number, pageNumber);
        return DriverError.None;
    }

    /// <summary>Makes sure that the SECS is in the EPC (sgx_encl_load_secs).</summary>
    public DriverError LoadSecs(SgxEnclave enclave)
    {
        if (enclave.Secs.IsResident)
        {
            return DriverError.None;
        }

        var error = epc.Allocate(reclaim: false, null, out var epcPage);
        if (error != DriverError.None)
        {
            return error;
        }

        error = Eldu(enclave, ref enclave.Secs, default, EpcPage.None, epcPage);
        if (error != DriverError.None)
        {
            epc.Free(epcPage, EpcPage.None);
        }

        return error;
    }

    private DriverError Eldu(SgxEnclave enclave, ref EnclavePage page, LinearAddress address, EpcPage secs, EpcPage epcPage)
    {
        // Written out after a loss of power, when there was nothing to write: sgx_encl_ewb notes no version then.
        if (page.Backing == EnclavePage.None || !enclave.Backing.Fetch(page.Backing))
        {
            return DriverError.EFAULT;
        }

        if (state.Injections.Loaded() is { } slow)
        {
            state.Observer.Injected(slow);
            Thread.Sleep(slow.Milliseconds);
        }

        if (state.Injections.Fetched() is { } flipped)
        {
            state.Observer.Injected(flipped);
            enclave.Backing.Contents(page.Backing)[flipped.Bit / 8] ^= (byte)(1 << (flipped.Bit % 8));
        }

        var (vaPage, slot) = enclave.Versions.Find(page.VersionSlot);
        var result = Cloister.Processor.Encls.Eldu.Execute(
            state.Machine,
            secs,
            address,
            enclave.Backing.Contents(page.Backing),
            enclave.Backing.Pcmd(page.Backing),
            vaPage,
            slot,
            epcPage);
        if (!result.IsSuccess)
        {
            enclave.Backing.Spoil(page.Backing);
            return DriverError.EFAULT;
        }

        enclave.Backing.Return(page.Backing);
        enclave.Versions.FreeSlot(page.VersionSlot);
        page.Backing = EnclavePage.None;
        page.EpcIndex = epcPage.Index;
        state.Counters.Loads++;
        return DriverError.None;
    }
}
