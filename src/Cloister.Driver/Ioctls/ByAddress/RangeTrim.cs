using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>SGX_IOC_ENCLAVE_TRIM of the out-of-tree driver (sgx_ioc_trim_page).</summary>
internal sealed class RangeTrim(IoctlCall call) : RangeModification<SgxRange>(call)
{
    protected override Secinfo Secinfo => new(SecinfoFlags.Trim);

    protected override bool ChangesType => true;

    protected override long? Begin() => BeginRange(in Parameters);
}
