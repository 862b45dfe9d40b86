using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.Tables;

/// <summary>Linux 6.0 and later.</summary>
internal static class V6_0Table
{
    public static IReadOnlyList<IoctlRow> Rows { get; } =
        new TableBuilder(Generation.V6_0, "Linux 6.12, arch/x86/kernel/cpu/sgx")
            .Mainline()
            .VirtualEpc()
            .WriteRead<SgxEnclaveRestrictPermissions>(
                "SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS",
                5,
                typeof(EnclaveRestrictPermissions),
                call => new EnclaveRestrictPermissions(call),
                "sgx_ioc_enclave_restrict_permissions")
            .WriteRead<SgxEnclaveModifyTypes>(
                "SGX_IOC_ENCLAVE_MODIFY_TYPES",
                6,
                typeof(EnclaveModifyTypes),
                call => new EnclaveModifyTypes(call),
                "sgx_ioc_enclave_modify_types")
            .WriteRead<SgxEnclaveRemovePages>(
                "SGX_IOC_ENCLAVE_REMOVE_PAGES",
                7,
                typeof(EnclaveRemovePages),
                call => new EnclaveRemovePages(call),
                "sgx_ioc_enclave_remove_pages")
            .Rows;
}
