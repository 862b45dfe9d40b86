using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_enclave_create with the two fields of the answer of 7 November 2018: pages and PCMDs apart.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SgxEnclaveCreateSeparatelyBacked
{
    /// <summary>Address of the SECS page to create the enclave from.</summary>
    public ulong Src;

    /// <summary>Address of the pages, page aligned; 0, and 0 below, to have the enclave killed rather than written out.</summary>
    public ulong Contents;

    /// <summary>Address of the PCMDs, a multiple of 128.</summary>
    public ulong Pcmd;
}
