using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_enclave_add_pages.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SgxEnclaveAddPages
{
    /// <summary>SGX_PAGE_MEASURE in <see cref="Flags"/>.</summary>
    public const ulong Measure = 1;

    /// <summary>Address of the first source page.</summary>
    public ulong Src;

    /// <summary>Bytes from the enclave's base.</summary>
    public ulong Offset;

    /// <summary>Bytes, a multiple of 4096.</summary>
    public ulong Length;

    /// <summary>Address of the SECINFO of every page.</summary>
    public ulong Secinfo;

    /// <summary><see cref="Measure"/> or 0; the kernel ignores the other bits.</summary>
    public ulong Flags;

    /// <summary>Out: bytes added.</summary>
    public ulong Count;
}
