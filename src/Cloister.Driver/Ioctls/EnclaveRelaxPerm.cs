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

    protected override Errno CheckParameters(out ulong offset, out ulong length)
    {
        (offset, length) = (Parameters.Offset, Parameters.Length);
        var error = ValidateOffsetLength(offset, length);
        if (error != Errno.None)
        {
            return error;
        }

        error = TryCopyFromUser(Parameters.Secinfo, ref _secinfo)
            ? SecinfoValidation.ValidatePermissions(in _secinfo, needsRead: false)
            : Errno.EFAULT;
        if (error != Errno.None)
        {
            return error;
        }

        return Parameters.Count != 0 ? Errno.EINVAL : Errno.None;
    }

    protected override Errno HandlePage(ulong pageNumber, ref EnclavePage page)
    {
        if (page.Type != PageType.Reg)
        {
            return Errno.EINVAL;
        }

        var wanted = (Protection)_secinfo.Flags;
        if ((wanted & ~page.MaximumProtection) != 0)
        {
            return Errno.EPERM;
        }

        page.RunProtection = wanted;
        Enclave.Zap(pageNumber);
        return Errno.None;
    }

    protected override void SetCount(ulong count) => Parameters.Count = count;
}
