using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_page_modp (EDMM V1).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SgxPageModp
{
    /// <summary>Bytes from the enclave's base.</summary>
    public ulong Offset;

    /// <summary>Bytes, a multiple of 4096.</summary>
    public ulong Length;

    /// <summary>The new protection bits.</summary>
    public ulong Prot;

    /// <summary>Out: the SGX error code of EMODPR.</summary>
    public ulong Result;

    /// <summary>Out: bytes done.</summary>
    public ulong Count;
}
