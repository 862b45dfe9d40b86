using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>SGX_IOC_ENCLAVE_MKTCS of the out-of-tree driver (sgx_ioc_page_to_tcs).</summary>
internal sealed class RangeMktcs(IoctlCall call) : RangeModification<SgxRange>(call)
{
    protected override Secinfo Secinfo => new(SecinfoFlags.Tcs);

    protected override bool ChangesType => true;

    protected override long? Begin() => BeginRange(in Parameters);
}
