namespace Cloister.Attestation.Collaterals;

/// <summary>What TCB information says of a version, in Intel's words.</summary>
public enum TcbStatus
{
    /// <summary>Nothing to do.</summary>
    UpToDate,

    /// <summary>Software has to be hardened.</summary>
    SWHardeningNeeded,

    /// <summary>The platform has to be configured.</summary>
    ConfigurationNeeded,

    /// <summary>Both.</summary>
    ConfigurationAndSWHardeningNeeded,

    /// <summary>There is something newer.</summary>
    OutOfDate,

    /// <summary>There is something newer, and the platform has to be configured.</summary>
    OutOfDateConfigurationNeeded,

    /// <summary>Not to be trusted.</summary>
    Revoked,

    /// <summary>No level of the TCB information is for it.</summary>
    NotSupported,
}
