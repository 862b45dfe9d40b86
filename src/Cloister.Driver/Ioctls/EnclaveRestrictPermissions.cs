using Cloister.Architecture;
using Cloister.Driver.Uapi;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Ioctls;

/// <summary>
/// SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS: takes EPCM permissions away (sgx_ioc_enclave_restrict_permissions).
/// </summary>
internal sealed class EnclaveRestrictPermissions(IoctlCall call)
    : DynamicMemoryIoctl<SgxEnclaveRestrictPermissions>(call)
{
    protected override Errno CheckParameters(out ulong offset, out ulong length)
    {
        (offset, length) = (Parameters.Offset, Parameters.Length);
        var error = ValidateOffsetLength(offset, length);
        if (error != Errno.None)
        {
            return error;
        }

        var permissions = (SecinfoFlags)Parameters.Permissions;
        if ((permissions & ~SecinfoFlags.PermissionMask) != 0)
        {
            return Errno.EINVAL;
        }

        // EMODPR would fault (SDM 3D, EMODPR); the kernel says it first.
        if ((permissions & (SecinfoFlags.R | SecinfoFlags.W)) == SecinfoFlags.W)
        {
            return Errno.EINVAL;
        }

        return Parameters.Result != 0 || Parameters.Count != 0 ? Errno.EINVAL : Errno.None;
    }

    protected override Errno HandlePage(ulong pageNumber, ref EnclavePage page)
    {
        // Linux, sgx_enclave_restrict_permissions: EMODPR of another type would fault.
        if (page.Type != PageType.Reg)
        {
            return Errno.EINVAL;
        }

        var secinfo = new Secinfo((SecinfoFlags)Parameters.Permissions);
        var error = ErrnoOf(Emodpr.Execute(Driver.Machine, page.Epc, in secinfo), ref Parameters.Result);
        return error == Errno.None ? Driver.Memory.Track(Enclave) : error;
    }

    protected override void SetCount(ulong count) => Parameters.Count = count;
}
