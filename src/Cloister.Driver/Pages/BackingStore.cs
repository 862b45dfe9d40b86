using Cloister.Architecture;

namespace Cloister.Driver.Pages;

/// <summary>
/// Ordinary memory for pages written out: for each an encrypted page and its PCMD (the kernel's shmem file "SGX
/// backing"). Blocks come from slabs and are used again; a slab is never larger than a quarter of a mebibyte.
/// </summary>
internal sealed class BackingStore : IEnclaveBacking
{
    private const int PageLength = LinearAddress.PageSize;
    private const int PcmdLength = 128;
    private const int BlockLength = PageLength + PcmdLength;
    private const int SlabShift = 6;
    private const int BlocksPerSlab = 1 << SlabShift;

    private readonly List<byte[]> _slabs = [];
    private readonly Stack<int> _free = [];

    /// <summary>Blocks in use.</summary>
    public int Count { get; private set; }

    /// <inheritdoc/>
    int IEnclaveBacking.Rent(ulong index) => Rent();

    /// <inheritdoc/>
    bool IEnclaveBacking.Fetch(int handle) => true;

    /// <inheritdoc/>
    bool IEnclaveBacking.Commit(int handle) => true;

    // Linux, __sgx_encl_eldu: the PCMD is cleared and the backing page truncated whatever ELDU said, so a page that was
    // tampered with stays lost for the rest of the enclave's life.
    void IEnclaveBacking.Spoil(int handle) => Block(handle).Clear();

    /// <summary>Takes a block; its bytes are what the last user left.</summary>
    public int Rent()
    {
        if (_free.Count == 0)
        {
            int first = _slabs.Count << SlabShift;
            _slabs.Add(GC.AllocateUninitializedArray<byte>(BlockLength * BlocksPerSlab));
            for (int block = BlocksPerSlab - 1; block >= 0; block--)
            {
                _free.Push(first + block);
            }
        }

        Count++;
        return _free.Pop();
    }

    /// <summary>Gives a block back. When none is in use any more, the memory goes too.</summary>
    public void Return(int handle)
    {
        _free.Push(handle);
        if (--Count == 0)
        {
            _free.Clear();
            _slabs.Clear();
        }
    }

    /// <summary>The encrypted page of a block, 4096 bytes.</summary>
    public Span<byte> Contents(int handle) => Block(handle)[..PageLength];

    /// <summary>The PCMD of a block, 128 bytes.</summary>
    public Span<byte> Pcmd(int handle) => Block(handle)[PageLength..];

    private Span<byte> Block(int handle) =>
        _slabs[handle >> SlabShift].AsSpan((handle & (BlocksPerSlab - 1)) * BlockLength, BlockLength);
}
