using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>
/// struct sgx_enclave_restrict_perm (EDMM V2), named sgx_enclave_restrict_permissions in V3.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public struct SgxEnclaveRestrictPerm
{
    /// <summary>Bytes from the enclave's base.</summary>
    public ulong Offset;

    /// <summary>Bytes, a multiple of 4096.</summary>
    public ulong Length;

    /// <summary>Address of a SECINFO with the permissions to keep and nothing else.</summary>
    public ulong Secinfo;

    /// <summary>Out: the SGX error code of EMODPR.</summary>
    public ulong Result;

    /// <summary>Out: bytes done.</summary>
    public ulong Count;
}
