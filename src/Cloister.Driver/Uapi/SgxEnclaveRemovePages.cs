using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_enclave_remove_pages.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SgxEnclaveRemovePages
{
    /// <summary>Bytes from the enclave's base.</summary>
    public ulong Offset;

    /// <summary>Bytes, a multiple of 4096.</summary>
    public ulong Length;

    /// <summary>Out: bytes done.</summary>
    public ulong Count;
}
