using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls;

/// <summary>
/// SGX_IOC_ENCLAVE_RELAX_PERMISSIONS of EDMM V2: the enclave has given itself permissions by EMODPE, and the page
/// tables shall follow (sgx_ioc_enclave_relax_perm).
/// </summary>
internal sealed class EnclaveRelaxPerm(IoctlCall call) : DynamicMemoryIoctl<SgxEnclaveRelaxPerm>(call)
{
    private Secinfo _secinfo;

    // V2 15/32: the record is changed, the page may stay written out.
    protected override bool LoadsPages => false;

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

        error = SecinfoValidation.ValidatePermissions(in _secinfo, needsRead: false, out IoctlRule rule);
        if (error != DriverError.None)
        {
            return Refuse(error, rule, (ulong)_secinfo.Flags);
        }

        return Parameters.Count != 0 ? Refuse(DriverError.EINVAL, IoctlRule.ResultsZero, Parameters.Count) : DriverError.None;
    }

    protected override DriverError HandlePage(ulong pageNumber, ref EnclavePage page)
    {
        if (page.Type != PageType.Reg)
        {
            return Refuse(DriverError.EINVAL, IoctlRule.PageType, (ulong)page.Type, (ulong)PageType.Reg);
        }

        var wanted = (Protection)_secinfo.Flags;
        if ((wanted & ~page.MaximumProtection) != 0)
        {
            return Refuse(DriverError.EPERM, IoctlRule.WithinMaximum, (ulong)wanted, (ulong)page.MaximumProtection);
        }

        page.RunProtection = wanted;
        Enclave.Zap(pageNumber);
        return DriverError.None;
    }

    protected override void SetCount(ulong count) => Parameters.Count = count;
}
