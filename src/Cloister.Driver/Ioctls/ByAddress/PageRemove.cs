using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>SGX_IOC_ENCLAVE_PAGE_REMOVE of the out-of-tree driver: removes any page (sgx_ioc_page_remove).</summary>
internal sealed class PageRemove(IoctlCall call) : AddressRangeIoctl<SgxPageAddress>(call)
{
    protected override long? Begin()
    {
        if (!Services.Machine.Options.Sgx2)
        {
            return -(long)Refuse(DriverError.ENOSYS, IoctlRule.Sgx2);
        }

        if (Find(Parameters.Addr) != 0)
        {
            return -(long)DriverError.EINVAL;
        }

        SetRange(Parameters.Addr >> 12, 1);
        return null;
    }

    protected override long HandlePage(ulong pageNumber)
    {
        var error = Load(pageNumber);
        if (error != DriverError.None)
        {
            return -(long)(error == DriverError.EBUSY ? DriverError.EBUSY : DriverError.EINVAL);
        }

        Remove(pageNumber);
        return 0;
    }
}
