using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_enclave_modify_pages of the 2018 tree, packed.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct SgxEnclaveModifyPages
{
    /// <summary>Linear address of the first page.</summary>
    public ulong Addr;

    /// <summary>Bytes, a multiple of 4096.</summary>
    public ulong Length;

    /// <summary>Address of a SECINFO with the new permissions or the new type.</summary>
    public ulong Secinfo;

    /// <summary>0 for permissions, 1 for the type.</summary>
    public byte Op;
}
