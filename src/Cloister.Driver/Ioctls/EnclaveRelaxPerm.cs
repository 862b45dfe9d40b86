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

        error = TryCopyFromUser(Parameters.Secinfo, ref _secinfo)
            ? SecinfoValidation.ValidatePermissions(in _secinfo, needsRead: false)
            : DriverError.EFAULT;
        if (error != DriverError.None)
        {
            return error;
        }

        return Parameters.Count != 0 ? DriverError.EINVAL : DriverError.None;
    }

    protected override DriverError HandlePage(ulong pageNumber, ref EnclavePage page)
    {
        if (page.Type != PageType.Reg)
        {
            return DriverError.EINVAL;
        }

        var wanted = (Protection)_secinfo.Flags;
        if ((wanted & ~page.MaximumProtection) != 0)
        {
            return DriverError.EPERM;
        }

        page.RunProtection = wanted;
        Enclave.Zap(pageNumber);
        return DriverError.None;
    }

    protected override void SetCount(ulong count) => Parameters.Count = count;
}
