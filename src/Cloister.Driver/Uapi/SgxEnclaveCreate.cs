using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_enclave_create.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SgxEnclaveCreate
{
    /// <summary>Address of the SECS page to create the enclave from.</summary>
    public ulong Src;
}
