namespace Cloister.Architecture;

/// <summary>The leaves of ENCLS, the number in EAX. SDM 3D, "ENCLS", and the SGX EUPDATESVN specification.</summary>
public enum EnclsLeaf : uint
{
    /// <summary>Create an enclave's SECS.</summary>
    Ecreate = 0x00,

    /// <summary>Add a page to an enclave that is not initialised.</summary>
    Eadd = 0x01,

    /// <summary>Initialise an enclave.</summary>
    Einit = 0x02,

    /// <summary>Remove a page.</summary>
    Eremove = 0x03,

    /// <summary>Read from a debug enclave.</summary>
    Edbgrd = 0x04,

    /// <summary>Write to a debug enclave.</summary>
    Edbgwr = 0x05,

    /// <summary>Measure 256 bytes.</summary>
    Eextend = 0x06,

    /// <summary>Load an evicted page, blocked.</summary>
    Eldb = 0x07,

    /// <summary>Load an evicted page, unblocked.</summary>
    Eldu = 0x08,

    /// <summary>Block a page.</summary>
    Eblock = 0x09,

    /// <summary>Make a version array.</summary>
    Epa = 0x0a,

    /// <summary>Evict a page.</summary>
    Ewb = 0x0b,

    /// <summary>Begin a new tracking epoch.</summary>
    Etrack = 0x0c,

    /// <summary>Add a page to an initialised enclave.</summary>
    Eaug = 0x0d,

    /// <summary>Restrict a page's permissions.</summary>
    Emodpr = 0x0e,

    /// <summary>Change a page's type.</summary>
    Emodt = 0x0f,

    /// <summary>Read a page's type and state.</summary>
    Erdinfo = 0x10,

    /// <summary>Begin a new tracking epoch, named by any page, reporting conflicts.</summary>
    Etrackc = 0x11,

    /// <summary>Load an evicted page, blocked, reporting conflicts.</summary>
    Eldbc = 0x12,

    /// <summary>Load an evicted page, unblocked, reporting conflicts.</summary>
    Elduc = 0x13,

    /// <summary>Renew CPUSVN after a microcode update.</summary>
    Eupdatesvn = 0x18,
}
