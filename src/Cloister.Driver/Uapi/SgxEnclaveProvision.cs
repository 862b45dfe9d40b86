using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_enclave_provision.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SgxEnclaveProvision
{
    /// <summary>A descriptor of /dev/sgx_provision; its low 32 bits count.</summary>
    public ulong Fd;
}
