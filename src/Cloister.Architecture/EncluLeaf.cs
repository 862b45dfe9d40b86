namespace Cloister.Architecture;

/// <summary>The leaves of ENCLU, the number in EAX. SDM 3D, "ENCLU".</summary>
public enum EncluLeaf : uint
{
    /// <summary>Make a report on this enclave for another.</summary>
    Ereport = 0x00,

    /// <summary>Derive a key.</summary>
    Egetkey = 0x01,

    /// <summary>Enter an enclave.</summary>
    Eenter = 0x02,

    /// <summary>Enter again where an asynchronous exit happened.</summary>
    Eresume = 0x03,

    /// <summary>Leave the enclave.</summary>
    Eexit = 0x04,

    /// <summary>Accept a change that the system made to a page.</summary>
    Eaccept = 0x05,

    /// <summary>Extend a page's permissions.</summary>
    Emodpe = 0x06,

    /// <summary>Accept a new page and fill it from another.</summary>
    Eacceptcopy = 0x07,

    /// <summary>Verify a TDX report. Not offered by the machine: CPUID.12H.0:EAX[7] is 0.</summary>
    Everifyreport2 = 0x08,

    /// <summary>Go back to the previous state save area.</summary>
    Edeccssa = 0x09,
}
