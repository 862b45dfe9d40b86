using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>
/// SGX_IOC_ENCLAVE_REMOVE_PAGES of the 2018 tree (sgx_ioc_enclave_remove_pages): trimmed and accepted pages are removed.
/// The loop as posted had no end; this one has the end its comment names, and stops at a page that was not accepted.
/// </summary>
internal sealed class RemovePagesByAddress(IoctlCall call) : AddressRangeIoctl<SgxEnclaveRemovePagesByAddress>(call)
{
    protected override long? Begin()
    {
        long result = Find(Parameters.Addr);
        if (result != 0)
        {
            return result;
        }

        if (!IsRange(Parameters.Addr, Parameters.Length))
        {
            return -(long)DriverError.EINVAL;
        }

        SetRange(Parameters.Addr >> 12, Parameters.Length >> 12);
        return null;
    }

    protected override long HandlePage(ulong pageNumber)
    {
        var error = Load(pageNumber);
        if (error != DriverError.None)
        {
            return -(long)error;
        }

        if (!AcceptedTrim.IsAccepted(Services.Machine, Target!.Pages.TryGet(pageNumber, out _).Epc))
        {
            return -(long)Refuse(DriverError.EFAULT, IoctlRule.TrimAccepted, pageNumber << 12);
        }

        Remove(pageNumber);
        return 0;
    }
}
