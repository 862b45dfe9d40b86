using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_enclave_augment_pages (RFC of 4 March 2022).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SgxEnclaveAugmentPages
{
    /// <summary>Bytes from the enclave's base.</summary>
    public ulong Offset;

    /// <summary>Bytes, a multiple of 4096.</summary>
    public ulong Length;

    /// <summary>Out: bytes added.</summary>
    public ulong Count;
}
