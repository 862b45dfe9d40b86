namespace Cloister.Driver;

/// <summary>One open file of /dev/sgx_vepc: raw EPC for a guest (struct sgx_vepc).</summary>
public sealed class VirtualEpc
{
    internal VirtualEpc(IEnclaveStorage storage) => Storage = storage;

    /// <summary>Where the pages live.</summary>
    public IEnclaveStorage Storage { get; }
}
