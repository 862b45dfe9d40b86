using Cloister.Driver.Ioctls.ByAddress;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.Tables;

/// <summary>"[RFC v3 4/4] x86/sgx: Add an SGX IOCTL to register a per-mm ENCLU exception handler", 10 December 2018.</summary>
internal static class RfcEncluTable
{
    public static IReadOnlyList<IoctlRow> Rows { get; } =
        new TableBuilder(Generation.RfcEnclu, "linux-sgx list, 20181210232141.5425-5-sean.j.christopherson@intel.com")
            .Write<SgxEncluRegister>("SGX_IOC_ENCLU_REGISTER", 0, typeof(EncluRegister), call => new EncluRegister(call),
                "sgx_ioc_enclu_register")
            .TreeOf2018(first: 1)
            .Rows;
}
