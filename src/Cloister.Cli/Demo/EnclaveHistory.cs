using Cloister.Architecture;

namespace Cloister.Cli.Demo;

/// <summary>The pages of one enclave, in the order of their addresses.</summary>
internal sealed class EnclaveHistory(EpcPage secs)
{
    private readonly SortedDictionary<ulong, PageHistory> _pages = [];

    /// <summary>Its SECS's place in the EPC while it lives.</summary>
    public EpcPage Secs { get; } = secs;

    /// <summary>What happened to the SECS.</summary>
    public PageHistory SecsPage { get; } = new(default);

    /// <summary>SECS.BASEADDR.</summary>
    public LinearAddress BaseAddress { get; set; }

    /// <summary>SECS.SIZE in bytes.</summary>
    public ulong Size { get; set; }

    /// <summary>All pages that ever were.</summary>
    public IEnumerable<PageHistory> Pages => _pages.Values;

    public PageHistory Page(LinearAddress address)
    {
        ulong page = address.PageBase.Value;
        if (!_pages.TryGetValue(page, out PageHistory? history))
        {
            _pages.Add(page, history = new PageHistory(address.PageBase));
        }

        return history;
    }

    public bool Contains(LinearAddress address) => address - BaseAddress < Size;
}
