using Cloister.Cli.Tracing;

namespace Cloister.Cli.Reporting;

/// <summary>
/// What became of the pages of one enclave: each change in its order, as long as there is room, and what each page is now.
/// </summary>
internal sealed class EnclaveMap(ulong enclave)
{
    /// <summary>The most changes that are kept of one enclave; neighbours that the same leaf changed one after another are one.</summary>
    public const int MostChanges = 4_000_000;

    private const int PageBits = 12;

    private static readonly Dictionary<string, PageLeaf> s_leaves = Enum.GetValues<PageLeaf>().Where(leaf => leaf != PageLeaf.PowerLoss)
        .ToDictionary(NameOf);

    private readonly List<PageChange> _changes = [];
    private readonly PageBlocks<PageState> _now = new();

    /// <summary>Its number.</summary>
    public ulong Enclave { get; } = enclave;

    /// <summary>Where it begins; 0 where the trace has no ECREATE of it.</summary>
    public ulong Base { get; private set; }

    /// <summary>Its bytes; 0 where the trace has no ECREATE of it.</summary>
    public ulong Size { get; private set; }

    /// <summary>What happened to its pages.</summary>
    public IReadOnlyList<PageChange> Changes => _changes;

    /// <summary>From when on changes are not kept; null where all are.</summary>
    public long? LostFrom { get; private set; }

    /// <summary>Whether leaves changed pages and the trace does not say how, as traces of older versions.</summary>
    public bool IsUntold { get; private set; }

    /// <summary>What a leaf is called.</summary>
    public static string NameOf(PageLeaf leaf) => leaf == PageLeaf.PowerLoss ? "power loss" : leaf.ToString().ToUpperInvariant();

    /// <summary>The leaf of a name; null for those that change no page.</summary>
    public static PageLeaf? LeafOf(string name) => s_leaves.TryGetValue(name, out PageLeaf leaf) ? leaf : null;

    /// <summary>Whether an address is in it.</summary>
    public bool Contains(ulong address) => address - Base < Size;

    /// <summary>What a page is now.</summary>
    public PageState StateOf(ulong address) => _now[address >> PageBits];

    /// <summary>A leaf of the trace succeeded.</summary>
    /// <exception cref="FormatException">No enclave does that.</exception>
    public void Take(in TraceEvent e)
    {
        if (e.Name == "ECREATE")
        {
            if (_changes.Count > 0 || e.Address + e.Length < e.Address)
            {
                throw new FormatException();
            }

            (Base, Size) = (e.Address, e.Length);
            return;
        }

        if (LeafOf(e.Name) is not { } leaf)
        {
            return;
        }

        PageState? state = leaf switch
        {
            PageLeaf.Ewb => PageState.WrittenOut,
            PageLeaf.Eremove => PageState.Removed,
            _ => e.Page is null ? null : PageState.Read(e.Page),
        };
        if (state is not { } known)
        {
            IsUntold = true;
        }
        else if (!IsOfSecs(in e, leaf, known))
        {
            if (Size > 0 && !Contains(e.Address))
            {
                throw new FormatException();
            }

            Change(e.Time, leaf, e.Address >> PageBits, known);
        }
    }

    /// <summary>No page is valid any more.</summary>
    public void LosePower(long time)
    {
        // What was written out cannot come back either: the versions are gone.
        _now.Clear();
        if (_changes.Count > 0 && _changes[^1].Leaf != PageLeaf.PowerLoss)
        {
            Keep(new PageChange(time, 0, 0, PageState.Removed, PageLeaf.PowerLoss));
        }
    }

    // A SECS has no address, and an enclave may have a page at 0: what is written out or removed there is the page as long as there is
    // one, since the SECS goes last.
    private bool IsOfSecs(in TraceEvent e, PageLeaf leaf, PageState state) => e.Address == 0 && (leaf is PageLeaf.Ewb or PageLeaf.Eremove
        ? !StateOf(0).IsInEpc && (leaf == PageLeaf.Ewb || StateOf(0) != PageState.WrittenOut) : state.Has("PT_SECS"));

    private void Change(long time, PageLeaf leaf, ulong page, PageState state)
    {
        _now[page] = state;
        if (_changes.Count > 0 && _changes[^1] is var last && last.Leaf == leaf && last.State == state
            && page == last.First + (ulong)last.Count && last.Count < int.MaxValue)
        {
            _changes[^1] = last with { Time = time, Count = last.Count + 1 };
            return;
        }

        Keep(new PageChange(time, page, 1, state, leaf));
    }

    private void Keep(PageChange change)
    {
        if (_changes.Count >= MostChanges)
        {
            LostFrom ??= change.Time;
            return;
        }

        _changes.Add(change);
    }
}
