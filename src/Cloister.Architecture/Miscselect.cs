namespace Cloister.Architecture;

/// <summary>What a state save area's MISC region holds. SDM 3D, "MISCSELECT".</summary>
[Flags]
public enum Miscselect : uint
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>EXINFO: page faults and general protection faults are reported inside the enclave.</summary>
    Exinfo = 1u << 0,

    /// <summary>CPINFO: control protection exceptions are reported inside the enclave.</summary>
    Cpinfo = 1u << 1,
}
