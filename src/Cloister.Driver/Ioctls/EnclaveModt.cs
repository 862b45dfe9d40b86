using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls;

/// <summary>SGX_IOC_ENCLAVE_MODIFY_TYPE of EDMM V2 and V3, which is given a SECINFO (sgx_ioc_enclave_modt).</summary>
internal sealed class EnclaveModt(IoctlCall call) : TypeModification<SgxEnclaveModt>(call)
{
    private Secinfo _secinfo;

    protected override PageType NewType => _secinfo.PageType;

    protected override ref ulong LeafError => ref Parameters.Result;

    protected override DriverError CheckParameters(out ulong offset, out ulong length)
    {
        (offset, length) = (Parameters.Offset, Parameters.Length);
        var error = ValidateOffsetLength(offset, length);
        if (error != DriverError.None)
        {
            return error;
        }

        if (!TryCopyFromUser(Parameters.Secinfo, ref _secinfo))
        {
            return Refuse(DriverError.EFAULT, IoctlRule.OperandReadable, Parameters.Secinfo);
        }

        if ((_secinfo.Flags & ~SecinfoFlags.PageTypeMask) != 0 || !SecinfoValidation.IsReservedZero(in _secinfo))
        {
            return Refuse(DriverError.EINVAL, IoctlRule.SecinfoReserved, (ulong)_secinfo.Flags);
        }

        return Parameters.Result != 0 || Parameters.Count != 0
            ? Refuse(DriverError.EINVAL, IoctlRule.ResultsZero, Parameters.Result | Parameters.Count) : DriverError.None;
    }

    protected override void SetCount(ulong count) => Parameters.Count = count;
}
