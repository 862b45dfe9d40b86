using Cloister.Architecture;
using Cloister.Driver;

namespace Cloister.Kernel.Tests.Oracle;

/// <summary>The page tables of one process on one side.</summary>
internal sealed class Space : IAddressSpace
{
    private readonly HashSet<ulong> _young = [];

    /// <summary>Linear page number to EPC page.</summary>
    public Dictionary<ulong, EpcPage> Entries { get; } = [];

    public void Touch(ulong page) => _young.Add(page);

    // An entry that stands there stays (vmf_insert_pfn).
    public void InsertPage(LinearAddress address, EpcPage page, Protection entry) => Entries.TryAdd(address.Value >> 12, page);

    public void Zap(LinearAddress address, ulong length)
    {
        ulong first = address.Value >> 12, last = (address.Value + length - 1) >> 12;
        foreach (ulong page in Entries.Keys.Where(page => page >= first && page <= last).ToArray())
        {
            Entries.Remove(page);
            _young.Remove(page);
        }
    }

    public bool TestAndClearYoung(LinearAddress page) => Entries.ContainsKey(page.Value >> 12) && _young.Remove(page.Value >> 12);

    public bool Read(LinearAddress address, Span<byte> destination) => throw new NotSupportedException();

    public bool Write(LinearAddress address, ReadOnlySpan<byte> source) => throw new NotSupportedException();

    public void CopyFrom(Space other)
    {
        foreach ((ulong page, EpcPage epc) in other.Entries)
        {
            Entries.TryAdd(page, epc);
        }
    }
}
