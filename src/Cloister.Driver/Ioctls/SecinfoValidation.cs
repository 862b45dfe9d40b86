using Cloister.Architecture;

namespace Cloister.Driver.Ioctls;

/// <summary>What a SECINFO for EADD must be (sgx_validate_secinfo).</summary>
internal static class SecinfoValidation
{
    public static DriverError Validate(in Secinfo secinfo) => Validate(in secinfo, out _);

    /// <summary>The same, and by which rule.</summary>
    public static DriverError Validate(in Secinfo secinfo, out IoctlRule rule)
    {
        var permissions = secinfo.Flags & SecinfoFlags.PermissionMask;
        var type = secinfo.Flags & SecinfoFlags.PageTypeMask;

        // The processor makes the permissions of a TCS zero without a word; the kernel says that they were not.
        rule = type is not (SecinfoFlags.Reg or SecinfoFlags.Tcs) ? IoctlRule.SecinfoType
            : (permissions & (SecinfoFlags.R | SecinfoFlags.W)) == SecinfoFlags.W ? IoctlRule.WriteNeedsRead
            : type == SecinfoFlags.Tcs && permissions != SecinfoFlags.None ? IoctlRule.TcsWithoutPermissions
            : (secinfo.Flags & ~(SecinfoFlags.PermissionMask | SecinfoFlags.PageTypeMask)) != 0 || !IsReservedZero(in secinfo)
            ? IoctlRule.SecinfoReserved
            : IoctlRule.None;
        return rule == IoctlRule.None ? DriverError.None : DriverError.EINVAL;
    }

    /// <summary>What a SECINFO for EMODPR must be in EDMM V2 and V3 (sgx_perm_from_user_secinfo): permissions only.</summary>
    /// <param name="secinfo">The SECINFO.</param>
    /// <param name="needsRead">Whether R must be among them (V3); otherwise W needs R (V2).</param>
    /// <param name="rule">By which rule not.</param>
    public static DriverError ValidatePermissions(in Secinfo secinfo, bool needsRead, out IoctlRule rule)
    {
        if ((secinfo.Flags & ~SecinfoFlags.PermissionMask) != 0 || !IsReservedZero(in secinfo))
        {
            rule = (secinfo.Flags & ~SecinfoFlags.PermissionMask) != 0 ? IoctlRule.PermissionBits : IoctlRule.SecinfoReserved;
            return DriverError.EINVAL;
        }

        bool isReadable = (secinfo.Flags & SecinfoFlags.R) != 0;
        bool isWritable = (secinfo.Flags & SecinfoFlags.W) != 0;
        rule = isReadable || (!needsRead && !isWritable) ? IoctlRule.None : needsRead ? IoctlRule.Readable : IoctlRule.WriteNeedsRead;
        return rule == IoctlRule.None ? DriverError.None : DriverError.EINVAL;
    }

    /// <summary>Whether the reserved bytes are zero.</summary>
    public static bool IsReservedZero(in Secinfo secinfo)
    {
        ReadOnlySpan<byte> reserved = secinfo.Reserved;
        return !reserved.ContainsAnyExcept((byte)0);
    }

    /// <summary>The most a mapping of the page may have (sgx_encl_page_alloc): a TCS is the processor's to read and write.</summary>
    public static Protection MaximumProtection(in Secinfo secinfo)
    {
        var protection = (Protection)(secinfo.Flags & SecinfoFlags.PermissionMask);
        return secinfo.PageType == PageType.Tcs ? protection | Protection.Read | Protection.Write : protection;
    }
}
