using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_enclave_remove_pages of the 2018 tree.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct SgxEnclaveRemovePagesByAddress
{
    /// <summary>Linear address of the first page.</summary>
    public ulong Addr;

    /// <summary>Bytes, a multiple of 4096.</summary>
    public ulong Length;
}
