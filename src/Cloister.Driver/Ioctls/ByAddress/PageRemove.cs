using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>SGX_IOC_ENCLAVE_PAGE_REMOVE of the out-of-tree driver: removes any page (sgx_ioc_page_remove).</summary>
internal sealed class PageRemove(IoctlCall call) : AddressRangeIoctl<SgxPageAddress>(call)
{
    protected override long? Begin()
    {
        if (!Services.Machine.Options.Sgx2)
        {
            return -(long)Errno.ENOSYS;
        }

        if (Find(Parameters.Addr) != 0)
        {
            return -(long)Errno.EINVAL;
        }

        SetRange(Parameters.Addr >> 12, 1);
        return null;
    }

    protected override long HandlePage(ulong pageNumber)
    {
        var error = Load(pageNumber);
        if (error != Errno.None)
        {
            return -(long)(error == Errno.EBUSY ? Errno.EBUSY : Errno.EINVAL);
        }

        Remove(pageNumber);
        return 0;
    }
}
