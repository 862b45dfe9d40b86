using Cloister.Driver.Ioctls.ByAddress;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.Tables;

/// <summary>The out-of-tree driver, 01org/linux-sgx-driver, with the ioctls of its SGX2 branch.</summary>
internal static class IsgxTable
{
    public static IReadOnlyList<IoctlRow> Rows { get; } =
        new TableBuilder(Generation.Isgx, "01org/linux-sgx-driver, branch sgx2")
            .Write<SgxEnclaveCreate>("SGX_IOC_ENCLAVE_CREATE", 0, typeof(CreateInMapping), call => new CreateInMapping(call),
                "sgx_ioc_enclave_create")
            .Write<SgxEnclaveAddPage>("SGX_IOC_ENCLAVE_ADD_PAGE", 1, typeof(AddPage), call => new AddPage(call), "sgx_ioc_enclave_add_page")
            .Write<SgxEnclaveInitWithToken>("SGX_IOC_ENCLAVE_INIT", 2, typeof(InitWithToken), call => new InitWithToken(call),
                "sgx_ioc_enclave_init")
            .Write<SgxModificationParam>("SGX_IOC_ENCLAVE_EMODPR", 9, typeof(RangeEmodpr), call => new RangeEmodpr(call),
                "sgx_ioc_page_modpr")
            .Write<SgxRange>("SGX_IOC_ENCLAVE_MKTCS", 0xa, typeof(RangeMktcs), call => new RangeMktcs(call), "sgx_ioc_page_to_tcs")
            .Write<SgxRange>("SGX_IOC_ENCLAVE_TRIM", 0xb, typeof(RangeTrim), call => new RangeTrim(call), "sgx_ioc_trim_page")
            .Write<SgxRange>("SGX_IOC_ENCLAVE_NOTIFY_ACCEPT", 0xc, typeof(RangeNotifyAccept), call => new RangeNotifyAccept(call),
                "sgx_ioc_page_notify_accept")
            .Write<SgxPageAddress>("SGX_IOC_ENCLAVE_PAGE_REMOVE", 0xd, typeof(PageRemove), call => new PageRemove(call),
                "sgx_ioc_page_remove")
            .Rows;
}
