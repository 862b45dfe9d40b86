namespace Cloister.Host;

/// <summary>What may be done with a page. The same bits in SECINFO.FLAGS (SDM 3D) and in mmap(2).</summary>
[Flags]
public enum PageAccess
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Reading.</summary>
    Read = 1,

    /// <summary>Writing.</summary>
    Write = 2,

    /// <summary>Execution.</summary>
    Execute = 4,
}
