namespace Cloister.Architecture;

/// <summary>KEYREQUEST.KEYNAME. SDM 3D, "KEY REQUEST KeyNames".</summary>
public enum KeyName : ushort
{
    /// <summary>EINITTOKEN_KEY.</summary>
    Einittoken = 0,

    /// <summary>PROVISION_KEY.</summary>
    Provision = 1,

    /// <summary>PROVISION_SEAL_KEY.</summary>
    ProvisionSeal = 2,

    /// <summary>REPORT_KEY.</summary>
    Report = 3,

    /// <summary>SEAL_KEY.</summary>
    Seal = 4,
}
