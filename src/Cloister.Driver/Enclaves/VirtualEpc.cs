using Cloister.Architecture;

namespace Cloister.Driver;

/// <summary>One open file of /dev/sgx_vepc: raw EPC for a guest (struct sgx_vepc).</summary>
public sealed class VirtualEpc : IOpenVirtualEpc
{
    internal VirtualEpc(IEnclaveStorage storage) => Storage = storage;

    /// <summary>Where the pages live.</summary>
    public IEnclaveStorage Storage { get; }

    /// <summary>Whether the file is closed.</summary>
    public bool IsReleased { get; internal set; }

    /// <summary>EPC pages it has.</summary>
    public int PageCount => Pages.Count;

    /// <summary>Index of the EPC page by page number in the file.</summary>
    internal PageArray<int> Pages { get; } = new();

    /// <summary>The EPC page a guest finds at an offset of the file.</summary>
    /// <param name="offset">Bytes from the start of the file.</param>
    /// <returns>The page, or none when it was never accessed.</returns>
    public EpcPage PageAt(ulong offset)
    {
        int index = Pages.TryGet(offset >> 12, out bool exists);
        return exists ? new EpcPage(index) : EpcPage.None;
    }
}
