using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.Tables;

/// <summary>"[PATCH V3 00/30] x86/sgx and selftests/sgx: Support SGX2", 4 April 2022.</summary>
internal static class EdmmV3Table
{
    public static IReadOnlyList<IoctlRow> Rows { get; } =
        new TableBuilder(Generation.EdmmV3, "linux-sgx list, V3 of 4 April 2022")
            .Mainline()
            .VirtualEpc()
            .WriteRead<SgxEnclaveRestrictPerm>(
                "SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS",
                5,
                typeof(EnclaveRestrictPerm),
                call => new EnclaveRestrictPerm(call),
                "sgx_ioc_enclave_restrict_permissions")
            .WriteRead<SgxEnclaveModt>(
                "SGX_IOC_ENCLAVE_MODIFY_TYPE",
                6,
                typeof(EnclaveModt),
                call => new EnclaveModt(call),
                "sgx_ioc_enclave_modify_type")
            .WriteRead<SgxEnclaveRemovePages>(
                "SGX_IOC_ENCLAVE_REMOVE_PAGES",
                7,
                typeof(EnclaveRemovePages),
                call => new EnclaveRemovePages(call),
                "sgx_ioc_enclave_remove_pages")
            .Rows;
}
