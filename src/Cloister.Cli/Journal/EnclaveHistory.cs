using Cloister.Architecture;

namespace Cloister.Cli.Journal;

/// <summary>The pages of one enclave.</summary>
/// <param name="enclave">Its number, SECS.EID.</param>
/// <param name="lives">The lives of pages.</param>
internal sealed class EnclaveHistory(ulong enclave, PageLives lives)
{
    private readonly PageBlocks<PageLife> _pages = new();
    private readonly PageBlocks<int> _places = new(); // in the EPC, and one
    private readonly SortedDictionary<ulong, TcsCrossings> _crossings = [];

    /// <summary>Its number, SECS.EID.</summary>
    public ulong Enclave { get; } = enclave;

    /// <summary>What happened to the SECS.</summary>
    public PageLife Secs { get; private set; } = lives.None;

    /// <summary>SECS.BASEADDR.</summary>
    public LinearAddress BaseAddress { get; set; }

    /// <summary>SECS.SIZE in bytes.</summary>
    public ulong Size { get; set; }

    /// <summary>
    /// The pages that ever were, in the order of their addresses, neighbours that lived the same life together, and what threads did at
    /// one that is a TCS.
    /// </summary>
    public IEnumerable<(LinearAddress First, int Count, PageLife Life, TcsCrossings? Crossings)> Grouped()
    {
        (ulong First, int Count, PageLife Life, TcsCrossings? Crossings)? group = null;
        foreach ((ulong page, PageLife? life) in _pages.InOrder())
        {
            if (life is null)
            {
                continue;
            }

            TcsCrossings? crossings = _crossings.GetValueOrDefault(page);
            if (group is var (first, count, same, others) && same == life && crossings is null && others is null
                && page == first + (ulong)count)
            {
                group = (first, count + 1, same, null);
                continue;
            }

            if (group is { } complete)
            {
                yield return (new LinearAddress(complete.First << 12), complete.Count, complete.Life, complete.Crossings);
            }

            group = (page, 1, life, crossings);
        }

        if (group is { } end)
        {
            yield return (new LinearAddress(end.First << 12), end.Count, end.Life, end.Crossings);
        }
    }

    /// <summary>Something happened to a page.</summary>
    public void Add(LinearAddress address, string what, SecinfoFlags? state)
    {
        ulong page = address.Value >> 12;
        _pages[page] = lives.After(_pages[page] ?? lives.None, what, state);
    }

    /// <summary>Something happened to the SECS.</summary>
    public void AddToSecs(string what, SecinfoFlags? state) => Secs = lives.After(Secs, what, state);

    /// <summary>A page is at that place of the EPC.</summary>
    public void Place(LinearAddress address, EpcPage page) => _places[address.Value >> 12] = page.Index + 1;

    /// <summary>Where in the EPC a page was last; none where it never was.</summary>
    public EpcPage PlaceOf(LinearAddress address) =>
        _places[address.Value >> 12] is > 0 and var place ? new EpcPage(place - 1) : EpcPage.None;

    /// <summary>What threads did at a TCS.</summary>
    public TcsCrossings CrossingsOf(LinearAddress tcs)
    {
        if (!_crossings.TryGetValue(tcs.Value >> 12, out TcsCrossings? crossings))
        {
            _crossings[tcs.Value >> 12] = crossings = new TcsCrossings();
        }

        return crossings;
    }

    /// <summary>The machine lost power.</summary>
    public void LosePower()
    {
        const string What = "power loss";
        foreach ((ulong page, PageLife? life) in _pages.InOrder().ToArray())
        {
            if (life is not null && !IsGone(life))
            {
                Add(new LinearAddress(page << 12), What, null);
            }
        }

        if (!IsGone(Secs))
        {
            AddToSecs(What, null);
        }

        bool IsGone(PageLife life) => life.Events is [.., { What: "EREMOVE" or What }];
    }

    /// <summary>Whether an address is in it.</summary>
    public bool Contains(LinearAddress address) => address - BaseAddress < Size;
}
