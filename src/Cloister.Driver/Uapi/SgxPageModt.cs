using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_page_modt (EDMM V1).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SgxPageModt
{
    /// <summary>Bytes from the enclave's base.</summary>
    public ulong Offset;

    /// <summary>Bytes, a multiple of 4096.</summary>
    public ulong Length;

    /// <summary>The new page type: TCS or TRIM.</summary>
    public ulong Type;

    /// <summary>Out: the SGX error code of EMODT.</summary>
    public ulong Result;

    /// <summary>Out: bytes done.</summary>
    public ulong Count;
}
