namespace Cloister.Driver;

/// <summary>One open file of /dev/sgx_vepc (struct sgx_vepc), whichever driver has it.</summary>
public interface IOpenVirtualEpc
{
    /// <summary>Where the pages live.</summary>
    IEnclaveStorage Storage { get; }
}
