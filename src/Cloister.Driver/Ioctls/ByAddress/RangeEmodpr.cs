using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>SGX_IOC_ENCLAVE_EMODPR of the out-of-tree driver (sgx_ioc_page_modpr).</summary>
internal sealed class RangeEmodpr(IoctlCall call) : RangeModification<SgxModificationParam>(call)
{
    protected override Secinfo Secinfo => new((SecinfoFlags)Parameters.Flags);

    protected override bool ChangesType => false;

    protected override long? Begin()
    {
        var flags = (SecinfoFlags)Parameters.Flags;
        if ((flags & ~SecinfoFlags.PermissionMask) != 0)
        {
            return -(long)Refuse(DriverError.EINVAL, IoctlRule.PermissionBits, Parameters.Flags);
        }

        return (flags & (SecinfoFlags.R | SecinfoFlags.W)) == SecinfoFlags.W
            ? -(long)Refuse(DriverError.EINVAL, IoctlRule.WriteNeedsRead, Parameters.Flags) : BeginRange(in Parameters.Range);
    }
}
