using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_enclave_init of the out-of-tree driver.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct SgxEnclaveInitWithToken
{
    /// <summary>Linear address in the enclave.</summary>
    public ulong Addr;

    /// <summary>Address of the SIGSTRUCT.</summary>
    public ulong Sigstruct;

    /// <summary>Address of the EINITTOKEN.</summary>
    public ulong Einittoken;
}
