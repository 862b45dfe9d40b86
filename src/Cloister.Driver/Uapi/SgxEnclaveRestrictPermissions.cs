using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_enclave_restrict_permissions.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SgxEnclaveRestrictPermissions
{
    /// <summary>Bytes from the enclave's base.</summary>
    public ulong Offset;

    /// <summary>Bytes, a multiple of 4096.</summary>
    public ulong Length;

    /// <summary>The permissions to keep: R, W and X as in SECINFO.</summary>
    public ulong Permissions;

    /// <summary>Out: the SGX error code of EMODPR.</summary>
    public ulong Result;

    /// <summary>Out: bytes done.</summary>
    public ulong Count;
}
