using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls;

/// <summary>
/// SGX_IOC_ENCLAVE_MODIFY_TYPES: makes pages into TCS, or into TRIM to be removed (sgx_ioc_enclave_modify_types).
/// </summary>
internal sealed class EnclaveModifyTypes(IoctlCall call) : TypeModification<SgxEnclaveModifyTypes>(call)
{
    private const ulong PageTypeMask = 0xff;

    protected override PageType NewType => (PageType)Parameters.PageType;

    protected override ref ulong LeafError => ref Parameters.Result;

    protected override DriverError CheckParameters(out ulong offset, out ulong length)
    {
        (offset, length) = (Parameters.Offset, Parameters.Length);
        var error = ValidateOffsetLength(offset, length);
        if (error != DriverError.None)
        {
            return error;
        }

        if ((Parameters.PageType & ~PageTypeMask) != 0)
        {
            return Refuse(DriverError.EINVAL, IoctlRule.NewType, Parameters.PageType);
        }

        return Parameters.Result != 0 || Parameters.Count != 0
            ? Refuse(DriverError.EINVAL, IoctlRule.ResultsZero, Parameters.Result | Parameters.Count) : DriverError.None;
    }

    protected override void SetCount(ulong count) => Parameters.Count = count;
}
