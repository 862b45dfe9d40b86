using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls;

/// <summary>
/// SGX_IOC_PAGE_MODP of EDMM V1: one call for restricting and for what the enclave has relaxed, both done as a
/// restriction (sgx_ioc_page_modp).
/// </summary>
internal sealed class PageModp(IoctlCall call) : PermissionRestriction<SgxPageModp>(call)
{
    protected override SecinfoFlags Permissions => (SecinfoFlags)Parameters.Prot;

    protected override ref ulong LeafError => ref Parameters.Result;

    protected override DriverError CheckParameters(out ulong offset, out ulong length)
    {
        (offset, length) = (Parameters.Offset, Parameters.Length);
        var error = ValidateOffsetLength(offset, length);
        if (error != DriverError.None)
        {
            return error;
        }

        // PROT_READ, PROT_WRITE and PROT_EXEC have the values of R, W and X.
        if ((Permissions & ~SecinfoFlags.PermissionMask) != 0)
        {
            return Refuse(DriverError.EINVAL, IoctlRule.PermissionBits, Parameters.Prot);
        }

        if ((Permissions & (SecinfoFlags.R | SecinfoFlags.W)) == SecinfoFlags.W)
        {
            return Refuse(DriverError.EINVAL, IoctlRule.WriteNeedsRead, Parameters.Prot);
        }

        return Parameters.Result != 0 || Parameters.Count != 0
            ? Refuse(DriverError.EINVAL, IoctlRule.ResultsZero, Parameters.Result | Parameters.Count) : DriverError.None;
    }

    protected override void SetCount(ulong count) => Parameters.Count = count;
}
