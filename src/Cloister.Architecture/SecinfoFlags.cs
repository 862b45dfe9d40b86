namespace Cloister.Architecture;

/// <summary>SECINFO.FLAGS. SDM 3D, "SECINFO.FLAGS". The page type is in bits 15:8.</summary>
[Flags]
public enum SecinfoFlags : ulong
{
    /// <summary>Nothing (and page type SECS).</summary>
    None = 0,

    /// <summary>Readable from inside.</summary>
    R = 1UL << 0,

    /// <summary>Writable from inside.</summary>
    W = 1UL << 1,

    /// <summary>Executable from inside.</summary>
    X = 1UL << 2,

    /// <summary>Added by EAUG and not accepted yet.</summary>
    Pending = 1UL << 3,

    /// <summary>Its type was changed and the change is not accepted yet.</summary>
    Modified = 1UL << 4,

    /// <summary>Its permissions were restricted and that is not accepted yet.</summary>
    Pr = 1UL << 5,

    /// <summary>The bits R, W and X.</summary>
    PermissionMask = R | W | X,

    /// <summary>Bits 15:8.</summary>
    PageTypeMask = 0xffUL << 8,

    /// <summary>PT_TCS.</summary>
    Tcs = 1UL << 8,

    /// <summary>PT_REG.</summary>
    Reg = 2UL << 8,

    /// <summary>PT_VA.</summary>
    Va = 3UL << 8,

    /// <summary>PT_TRIM.</summary>
    Trim = 4UL << 8,

    /// <summary>PT_SS_FIRST.</summary>
    SsFirst = 5UL << 8,

    /// <summary>PT_SS_REST.</summary>
    SsRest = 6UL << 8,
}
