using Cloister.Architecture;
using Cloister.Driver;

namespace Cloister.Engine.Kernel;

/// <summary>An open file of /dev/sgx_vepc of the kernel's driver.</summary>
internal sealed class KernelVirtualEpc(nint file, IEnclaveStorage storage) : IOpenVirtualEpc
{
    /// <summary>struct file.</summary>
    public nint File => file;

    /// <inheritdoc/>
    public IEnclaveStorage Storage => storage;

    /// <summary>Its pages, and the offset of each in the file.</summary>
    public Dictionary<EpcPage, ulong> Places { get; } = [];
}
