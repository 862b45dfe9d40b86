namespace Cloister.Engine.Options;

/// <summary>The device nodes of Linux's SGX drivers.</summary>
internal enum DeviceNode
{
    /// <summary>/dev/sgx_enclave, /dev/sgx/enclave.</summary>
    Enclave,
    /// <summary>/dev/sgx_provision, /dev/sgx/provision.</summary>
    Provision,
    /// <summary>/dev/sgx_vepc.</summary>
    VirtualEpc,
}
