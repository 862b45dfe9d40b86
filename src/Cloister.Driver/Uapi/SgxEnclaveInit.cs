using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_enclave_init.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SgxEnclaveInit
{
    /// <summary>Address of the SIGSTRUCT.</summary>
    public ulong Sigstruct;
}
