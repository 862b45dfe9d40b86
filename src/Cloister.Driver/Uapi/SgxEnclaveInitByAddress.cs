using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_enclave_init of the 2018 tree.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct SgxEnclaveInitByAddress
{
    /// <summary>Linear address in the enclave.</summary>
    public ulong Addr;

    /// <summary>Address of the SIGSTRUCT.</summary>
    public ulong Sigstruct;
}
