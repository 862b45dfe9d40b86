using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_enclave_add_page of the drivers that add one page at a time, packed.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct SgxEnclaveAddPage
{
    /// <summary>Linear address in the enclave.</summary>
    public ulong Addr;

    /// <summary>Address of the source page.</summary>
    public ulong Src;

    /// <summary>Address of the SECINFO.</summary>
    public ulong Secinfo;

    /// <summary>Which of the 16 chunks of 256 bytes are measured.</summary>
    public ushort Mrmask;
}
