namespace Cloister.Architecture;

/// <summary>KEYREQUEST.KEYPOLICY. SDM 3D, "KEYPOLICY".</summary>
[Flags]
public enum Keypolicy : ushort
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Derive from MRENCLAVE.</summary>
    Mrenclave = 1 << 0,

    /// <summary>Derive from MRSIGNER.</summary>
    Mrsigner = 1 << 1,

    /// <summary>Do not derive from ISVPRODID (KSS).</summary>
    NoIsvprodid = 1 << 2,

    /// <summary>Derive from CONFIGID and CONFIGSVN (KSS).</summary>
    Configid = 1 << 3,

    /// <summary>Derive from ISVFAMILYID (KSS).</summary>
    Isvfamilyid = 1 << 4,

    /// <summary>Derive from ISVEXTPRODID (KSS).</summary>
    Isvextprodid = 1 << 5,
}
