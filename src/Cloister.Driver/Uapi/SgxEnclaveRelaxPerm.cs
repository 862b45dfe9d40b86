using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_enclave_relax_perm (EDMM V2).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SgxEnclaveRelaxPerm
{
    /// <summary>Bytes from the enclave's base.</summary>
    public ulong Offset;

    /// <summary>Bytes, a multiple of 4096.</summary>
    public ulong Length;

    /// <summary>Address of a SECINFO with the permissions the pages have now.</summary>
    public ulong Secinfo;

    /// <summary>Out: bytes done.</summary>
    public ulong Count;
}
