using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>
/// SGX_IOC_ENCLAVE_NOTIFY_ACCEPT of the out-of-tree driver: trimmed pages are removed; a page that is not trimmed is
/// passed by, and the last error is the result (sgx_ioc_page_notify_accept).
/// </summary>
internal sealed class RangeNotifyAccept(IoctlCall call) : AddressRangeIoctl<SgxRange>(call)
{
    protected override long? Begin()
    {
        if (!Services.Machine.Options.Sgx2)
        {
            return -(long)Refuse(DriverError.ENOSYS, IoctlRule.Sgx2);
        }

        ulong start = Parameters.StartAddr & ~(ulong)(LinearAddress.PageSize - 1);
        long result = Find(start);
        if (result != 0)
        {
            return result;
        }

        // Behind the enclave every page is EINVAL; there can be four billion of them.
        ulong left = (Target!.Base + Target.Size - new LinearAddress(start)) / LinearAddress.PageSize;
        if (Parameters.NrPages > left)
        {
            FinalResult = -(long)Refuse(DriverError.EINVAL, IoctlRule.RangeInEnclave,
                start - Target.Base.Value + ((ulong)Parameters.NrPages * LinearAddress.PageSize), Target.Size);
        }

        SetRange(start >> 12, Math.Min(Parameters.NrPages, left));
        return null;
    }

    protected override long HandlePage(ulong pageNumber)
    {
        var error = Load(pageNumber);
        if (error == DriverError.EBUSY)
        {
            FinalResult = -(long)DriverError.EBUSY;
        }
        else if (error != DriverError.None)
        {
            FinalResult = -(long)DriverError.EINVAL;
        }
        else if (Target!.Pages.TryGet(pageNumber, out _) is { Type: not PageType.Trim and var type })
        {
            FinalResult = -(long)Refuse(DriverError.EINVAL, IoctlRule.Trimmed, pageNumber << 12, (ulong)type);
        }
        else
        {
            Remove(pageNumber);
        }

        return 0;
    }
}
