using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_enclave_create with the field proposed on 7 November 2018: one buffer for pages and PCMDs.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SgxEnclaveCreateBacked
{
    /// <summary>Address of the SECS page to create the enclave from.</summary>
    public ulong Src;

    /// <summary>Address of the buffer, page aligned; 0 to have the enclave killed rather than written out.</summary>
    public ulong Backing;
}
