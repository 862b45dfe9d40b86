using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Processor;

namespace Cloister.Engine.Memory;

/// <summary>How a page is really mapped in a process.</summary>
internal enum NativeAccess : byte
{
    /// <summary>Not at all: an access is a SIGBUS stop.</summary>
    None,
    /// <summary>Write protected.</summary>
    Read,
    /// <summary>As the mapping allows.</summary>
    ReadWrite,
}

/// <summary>One page as the driver set it (present) and as the process really has it (native).</summary>
internal struct PageTableEntry
{
    private int _page;

    /// <summary>The EPC page the driver inserted, or none.</summary>
    public EpcPage Page
    {
        readonly get => new(_page - 1);
        set => _page = value.Index + 1;
    }

    /// <summary>Whether the driver has inserted a page.</summary>
    public readonly bool Present => _page > 0;

    /// <summary>How it is really mapped.</summary>
    public NativeAccess Native;

    /// <summary>What the driver's entry allows, beside the mapping.</summary>
    public Protection Protection;

    /// <summary>The mapping allows execution here natively.</summary>
    public bool Executable;

    /// <summary>Brought in since the reclaimer last asked.</summary>
    public bool Young;

    /// <summary>Whether another entry says the same, but for what the reclaimer wants to know.</summary>
    public readonly bool IsLike(in PageTableEntry other) =>
        (_page, Native, Protection, Executable) == (other._page, other.Native, other.Protection, other.Executable);

    /// <summary>Takes the driver's entry away; what is native stays until it is unmapped.</summary>
    public void Clear() => _page = 0;

    /// <summary>What enclave code may do through it: what it and the page's EPCM entry both allow.</summary>
    public readonly SecinfoFlags AllowedBy(SgxMachine machine) =>
        // PROT_ bits have the values of R, W and X.
        Present ? machine.Epcm[Page].AllowedToEnclave & (SecinfoFlags)Protection : 0;
}

/// <summary>The entries of one address space, by page number; two levels, 64 pages a leaf, so that pages spread far
/// and wide cost little.</summary>
internal sealed class PageTable
{
    private const int LeafBits = 6;
    private readonly Dictionary<ulong, PageTableEntry[]> _leaves = [];
    private PageTableEntry[] _last = [];
    private ulong _lastIndex = ulong.MaxValue;

    /// <summary>The entry of an address, made if need be.</summary>
    public ref PageTableEntry this[ulong address]
    {
        get
        {
            ulong index = address >> (12 + LeafBits);
            if (index != _lastIndex)
            {
                if (!_leaves.TryGetValue(index, out PageTableEntry[]? leaf))
                {
                    _leaves[index] = leaf = new PageTableEntry[1 << LeafBits];
                }

                (_last, _lastIndex) = (leaf, index);
            }

            return ref _last[(int)(address >> 12) & ((1 << LeafBits) - 1)];
        }
    }

    /// <summary>The entry of an address without making room for one.</summary>
    public PageTableEntry Peek(ulong address) =>
        _leaves.TryGetValue(address >> (12 + LeafBits), out PageTableEntry[]? leaf) ? leaf[(int)(address >> 12) & ((1 << LeafBits) - 1)]
        : default;

    /// <summary>Pages in a row are really mapped otherwise.</summary>
    public void SetNative(ulong start, int pages, NativeAccess access)
    {
        for (int i = 0; i < pages; i++)
        {
            this[start + (ulong)i * 4096].Native = access;
        }
    }

    /// <summary>The page's memory was taken out of the file.</summary>
    public void NotePunched(ulong address)
    {
        if (_leaves.ContainsKey(address >> (12 + LeafBits)))
        {
            this[address].Native = NativeAccess.None;
        }
    }

    /// <summary>The pages of a range that may have an entry, upwards: what was never touched costs nothing.</summary>
    public IEnumerable<ulong> Within(ulong start, ulong end)
    {
        const int shift = 12 + LeafBits;
        if (end <= start)
        {
            yield break;
        }

        foreach (ulong leaf in LeavesWithin(start >> shift, (end - 1) >> shift))
        {
            for (ulong at = Math.Max(start, leaf << shift); at < Math.Min(end, (leaf + 1) << shift); at += 4096)
            {
                yield return at;
            }
        }
    }

    /// <summary>Forgets a range that is no longer mapped.</summary>
    public void Forget(ulong start, ulong end)
    {
        foreach (ulong at in Within(start, end))
        {
            this[at] = default;
        }
    }

    // By what is less: the leaves there are, or the leaves there could be.
    private IEnumerable<ulong> LeavesWithin(ulong first, ulong last)
    {
        if (last - first >= (ulong)_leaves.Count)
        {
            foreach (ulong leaf in _leaves.Keys.Where(leaf => leaf >= first && leaf <= last).Order().ToArray())
            {
                yield return leaf;
            }

            yield break;
        }

        for (ulong leaf = first; leaf <= last; leaf++)
        {
            if (_leaves.ContainsKey(leaf))
            {
                yield return leaf;
            }
        }
    }
}
