using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.Tables;

/// <summary>"x86/sgx and selftests/sgx: Support SGX2", 1 December 2021.</summary>
internal static class EdmmV1Table
{
    public static IReadOnlyList<IoctlRow> Rows { get; } =
        new TableBuilder(Generation.EdmmV1, "linux-sgx list, cover.1638381245.git.reinette.chatre@intel.com")
            .Mainline()
            .VirtualEpc()
            .WriteRead<SgxPageModp>("SGX_IOC_PAGE_MODP", 5, typeof(PageModp), call => new PageModp(call), "10/25")
            .WriteRead<SgxPageModt>("SGX_IOC_PAGE_MODT", 6, typeof(PageModt), call => new PageModt(call), "sgx_ioc_page_modt")
            .WriteRead<SgxEnclaveRemovePages>(
                "SGX_IOC_PAGE_REMOVE",
                7,
                typeof(EnclaveRemovePages),
                call => new EnclaveRemovePages(call),
                "sgx_ioc_page_remove")
            .Rows;
}
