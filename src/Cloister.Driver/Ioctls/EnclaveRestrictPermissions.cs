using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls;

/// <summary>
/// SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS: takes EPCM permissions away (sgx_ioc_enclave_restrict_permissions).
/// </summary>
internal sealed class EnclaveRestrictPermissions(IoctlCall call)
    : PermissionRestriction<SgxEnclaveRestrictPermissions>(call)
{
    protected override SecinfoFlags Permissions => (SecinfoFlags)Parameters.Permissions;

    protected override ref ulong LeafError => ref Parameters.Result;

    protected override DriverError CheckParameters(out ulong offset, out ulong length)
    {
        (offset, length) = (Parameters.Offset, Parameters.Length);
        var error = ValidateOffsetLength(offset, length);
        if (error != DriverError.None)
        {
            return error;
        }

        if ((Permissions & ~SecinfoFlags.PermissionMask) != 0)
        {
            return Refuse(DriverError.EINVAL, IoctlRule.PermissionBits, Parameters.Permissions);
        }

        // EMODPR would fault (SDM 3D, EMODPR); the kernel says it first.
        if ((Permissions & (SecinfoFlags.R | SecinfoFlags.W)) == SecinfoFlags.W)
        {
            return Refuse(DriverError.EINVAL, IoctlRule.WriteNeedsRead, Parameters.Permissions);
        }

        return Parameters.Result != 0 || Parameters.Count != 0
            ? Refuse(DriverError.EINVAL, IoctlRule.ResultsZero, Parameters.Result | Parameters.Count) : DriverError.None;
    }

    protected override void SetCount(ulong count) => Parameters.Count = count;
}
