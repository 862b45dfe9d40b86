namespace Cloister.Cli;

/// <summary>
/// Something for each page of an enclave, by the page's number: dense enclaves cost little more than what is kept, sparse ones not more
/// than a block for each page.
/// </summary>
internal sealed class PageBlocks<T>
{
    private const int BlockBits = 6, BlockLength = 1 << BlockBits;

    private readonly Dictionary<ulong, T?[]> _blocks = [];

    /// <summary>What is kept for a page; the default where nothing is.</summary>
    /// <param name="page">Its number: address / 4096.</param>
    public T? this[ulong page]
    {
        get => _blocks.TryGetValue(page >> BlockBits, out T?[]? block) ? block[(int)page & (BlockLength - 1)] : default;
        set
        {
            if (!_blocks.TryGetValue(page >> BlockBits, out T?[]? block))
            {
                _blocks[page >> BlockBits] = block = new T?[BlockLength];
            }

            block[(int)page & (BlockLength - 1)] = value;
        }
    }

    /// <summary>All in the order of their pages, and what is not there in between as the default.</summary>
    public IEnumerable<(ulong Page, T? Value)> InOrder()
    {
        foreach (ulong block in _blocks.Keys.Order())
        {
            for (int i = 0; i < BlockLength; i++)
            {
                yield return ((block << BlockBits) + (ulong)i, _blocks[block][i]);
            }
        }
    }

    /// <summary>Keeps nothing more.</summary>
    public void Clear() => _blocks.Clear();
}
