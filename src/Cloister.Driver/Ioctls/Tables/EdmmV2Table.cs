using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.Tables;

/// <summary>"[PATCH V2 00/32] x86/sgx and selftests/sgx: Support SGX2", 7 February 2022.</summary>
internal static class EdmmV2Table
{
    public static IReadOnlyList<IoctlRow> Rows { get; } =
        new TableBuilder(Generation.EdmmV2, "linux-sgx list, cover.1644274683.git.reinette.chatre@intel.com")
            .Mainline()
            .VirtualEpc()
            .WriteRead<SgxEnclaveRelaxPerm>(
                "SGX_IOC_ENCLAVE_RELAX_PERMISSIONS",
                5,
                typeof(EnclaveRelaxPerm),
                call => new EnclaveRelaxPerm(call),
                "15/32, sgx_ioc_enclave_relax_perm")
            .WriteRead<SgxEnclaveRestrictPerm>(
                "SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS",
                6,
                typeof(EnclaveRestrictPerm),
                call => new EnclaveRestrictPerm(call),
                "16/32, sgx_ioc_enclave_restrict_perm")
            .WriteRead<SgxEnclaveModt>(
                "SGX_IOC_ENCLAVE_MODIFY_TYPE",
                7,
                typeof(EnclaveModt),
                call => new EnclaveModt(call),
                "sgx_ioc_enclave_modt")
            .WriteRead<SgxEnclaveRemovePages>(
                "SGX_IOC_ENCLAVE_REMOVE_PAGES",
                8,
                typeof(EnclaveRemovePages),
                call => new EnclaveRemovePages(call),
                "sgx_ioc_enclave_remove_pages")
            .Rows;
}
