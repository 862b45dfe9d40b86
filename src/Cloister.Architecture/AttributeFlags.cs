namespace Cloister.Architecture;

/// <summary>The first 64 bits of ATTRIBUTES. SDM 3D, "ATTRIBUTES".</summary>
[Flags]
public enum AttributeFlags : ulong
{
    /// <summary>No attribute.</summary>
    None = 0,

    /// <summary>EINIT has made the enclave enterable. Set by EINIT only.</summary>
    Init = 1UL << 0,

    /// <summary>EDBGRD and EDBGWR may read and write the enclave.</summary>
    Debug = 1UL << 1,

    /// <summary>The enclave runs in 64-bit mode.</summary>
    Mode64Bit = 1UL << 2,

    /// <summary>EGETKEY may give the provisioning keys.</summary>
    ProvisionKey = 1UL << 4,

    /// <summary>EGETKEY may give the EINITTOKEN key.</summary>
    EinittokenKey = 1UL << 5,

    /// <summary>The enclave has CET attributes.</summary>
    Cet = 1UL << 6,

    /// <summary>Key separation and sharing.</summary>
    Kss = 1UL << 7,

    /// <summary>The enclave's threads may ask to be told of asynchronous exits.</summary>
    AexNotify = 1UL << 10,
}
