using Cloister.Driver.Ioctls.ByAddress;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.Tables;

/// <summary>The 2018 tree around "[PATCH v16] Intel SGX driver".</summary>
internal static class V16Table
{
    public static IReadOnlyList<IoctlRow> Rows { get; } =
        new TableBuilder(Generation.V16, "linux-sgx list, v16 of November 2018 and its tree")
            .TreeOf2018(first: 0)
            .Write<SgxEnclaveCreateBacked>("SGX_IOC_ENCLAVE_CREATE_BACKED", 0, typeof(CreateBacked), call => new CreateBacked(call),
                "discussed on 18/22, 7 November 2018, never posted")
            .Write<SgxEnclaveCreateSeparatelyBacked>("SGX_IOC_ENCLAVE_CREATE_SEPARATELY_BACKED", 0, typeof(CreateSeparatelyBacked),
                call => new CreateSeparatelyBacked(call), "discussed on 18/22, 7 November 2018, never posted")
            .Rows;
}
