using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.Tables;

/// <summary>"[PATCH RFC] x86: Add SGX_IOC_ENCLAVE_AUGMENT_PAGES", 4 March 2022, and the series v2.1 it stands on.</summary>
internal static class EdmmAugmentTable
{
    public static IReadOnlyList<IoctlRow> Rows { get; } =
        new TableBuilder(Generation.EdmmAugment, "linux-sgx list, 20220304122852.563475-1-jarkko@kernel.org")
            .Mainline()
            .VirtualEpc()
            .WriteRead<SgxEnclaveRestrictPerm>(
                "SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS",
                5,
                typeof(EnclaveRestrictPerm),
                call => new EnclaveRestrictPerm(call),
                "sgx_ioc_enclave_restrict_perm")
            .WriteRead<SgxEnclaveModt>(
                "SGX_IOC_ENCLAVE_MODIFY_TYPE",
                6,
                typeof(EnclaveModt),
                call => new EnclaveModt(call),
                "sgx_ioc_enclave_modt")
            .WriteRead<SgxEnclaveRemovePages>(
                "SGX_IOC_ENCLAVE_REMOVE_PAGES",
                8,
                typeof(EnclaveRemovePages),
                call => new EnclaveRemovePages(call),
                "sgx_ioc_enclave_remove_pages")
            .WriteRead<SgxEnclaveAugmentPages>(
                "SGX_IOC_ENCLAVE_AUGMENT_PAGES",
                9,
                typeof(EnclaveAugmentPages),
                call => new EnclaveAugmentPages(call),
                "sgx_ioc_enclave_augment_pages")
            .Rows;
}
