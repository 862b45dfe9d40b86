using Cloister.Architecture;

namespace Cloister.Driver;

/// <summary>One open file of /dev/sgx_enclave and the enclave built through it (struct sgx_encl).</summary>
public sealed class SgxEnclave
{
    internal SgxEnclave(IEnclaveStorage storage) => Storage = storage;

    /// <summary>Where the enclave's pages live.</summary>
    public IEnclaveStorage Storage { get; }

    /// <summary>Whether ECREATE was done (SGX_ENCL_CREATED).</summary>
    public bool IsCreated { get; internal set; }

    /// <summary>Whether EINIT was done (SGX_ENCL_INITIALIZED).</summary>
    public bool IsInitialized { get; internal set; }

    /// <summary>Start of the enclave's linear range (SECS.BASEADDR).</summary>
    public LinearAddress Base { get; internal set; }

    /// <summary>Bytes of the enclave's linear range (SECS.SIZE), 0 before CREATE.</summary>
    public ulong Size { get; internal set; }
}
