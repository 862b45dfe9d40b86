namespace Cloister.Images;

/// <summary>Kinds of enclave files.</summary>
public enum ImageFormat
{
    /// <summary>A bare SIGSTRUCT: 1808 bytes.</summary>
    Sigstruct,

    /// <summary>An ELF file of the Intel SGX SDK, with .note.sgxmeta.</summary>
    IntelSdkElf,

    /// <summary>A PE32 or PE32+ file of the Intel SGX SDK for Windows, with .sgxmeta.</summary>
    IntelSdkPe,

    /// <summary>An ELF file of the Open Enclave SDK, with .oeinfo.</summary>
    OpenEnclave,

    /// <summary>An SGX stream.</summary>
    Sgxs,

    /// <summary>A Gramine manifest for SGX.</summary>
    Gramine,

    /// <summary>A plain ELF file whose first segment is the TCS, as the Linux kernel's self tests load it.</summary>
    PlainElf,

    /// <summary>An EINITTOKEN: 304 bytes.</summary>
    Einittoken,
}
