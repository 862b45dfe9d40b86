using System.Globalization;

namespace Cloister.Cli.Reporting;

/// <summary>
/// The life of an enclave's pages in a thousand steps at most, and no more than a page can show: where there are more changes, a step has
/// several.
/// </summary>
internal sealed class MapFilm
{
    /// <summary>The most steps.</summary>
    public const int MostFrames = 1000;

    /// <summary>The most runs of cells that change, of all steps together.</summary>
    public const int MostRuns = 150_000;

    private readonly EnclaveMap _map;
    private readonly List<PageState> _states = [];
    private readonly Dictionary<PageState, int> _places = [];

    /// <summary>Makes it.</summary>
    public MapFilm(EnclaveMap map)
    {
        _map = map;
        Layout = new MapLayout(map);
        foreach (PageChange change in map.Changes)
        {
            if (_places.TryAdd(change.State, _states.Count))
            {
                _states.Add(change.State);
            }
        }

        ChangesInFrame = Math.Max(1, (map.Changes.Count + MostFrames - 1) / MostFrames);
        while (!TryMake())
        {
            ChangesInFrame *= 2;
        }
    }

    /// <summary>Where pages are drawn.</summary>
    public MapLayout Layout { get; }

    /// <summary>The steps.</summary>
    public IReadOnlyList<MapFrame> Frames { get; private set; } = [];

    /// <summary>Changes that a step has at most; a change is one leaf on pages that follow each other.</summary>
    public int ChangesInFrame { get; private set; }

    /// <summary>What pages were.</summary>
    public IReadOnlyList<PageState> States => _states;

    /// <summary>The last step after which most pages were in the EPC.</summary>
    public int Fullest { get; private set; }

    private bool TryMake()
    {
        int states = _states.Count, runs = 0, most = -1;
        int[] now = new int[Layout.Pages], counts = new int[states], cells = new int[Layout.PagesInCell.Length * states];
        int[] shown = new int[Layout.PagesInCell.Length]; // what each cell looks like, and one
        Array.Fill(now, -1);
        var frames = new List<MapFrame>();
        var touched = new SortedSet<int>();
        var alive = new List<(int Index, int Cell)>(); // what a loss of power takes, and maybe what was removed since
        for (int from = 0; from < _map.Changes.Count; from += ChangesInFrame)
        {
            int to = Math.Min(from + ChangesInFrame, _map.Changes.Count);
            int[] before = [.. counts], leaves = new int[(int)PageLeaf.PowerLoss + 1];
            touched.Clear();
            for (int i = from; i < to; i++)
            {
                PageChange change = _map.Changes[i];
                int state = _places[change.State];
                if (change.Leaf == PageLeaf.PowerLoss)
                {
                    leaves[(int)change.Leaf]++;
                    foreach ((int page, int cell) in alive)
                    {
                        Set(now, page, cell, state, counts, cells);
                        _ = touched.Add(cell);
                    }

                    alive.Clear();
                    continue;
                }

                leaves[(int)change.Leaf] += change.Count;
                int index = Layout.IndexOf(change.First);
                for (int page = 0; page < change.Count; page++)
                {
                    int cell = Layout.CellOf(change.First + (ulong)page);
                    if (now[index + page] < 0 || _states[now[index + page]] == PageState.Removed)
                    {
                        alive.Add((index + page, cell));
                    }

                    Set(now, index + page, cell, state, counts, cells);
                    _ = touched.Add(cell);
                }
            }

            List<(int First, int Count, int State, bool IsMixed)> looks = Looks(touched, cells, shown);
            runs += looks.Count;
            if (runs > MostRuns && ChangesInFrame < _map.Changes.Count)
            {
                return false;
            }

            frames.Add(new MapFrame(_map.Changes[from].Time, _map.Changes[to - 1].Time, What(from, to, leaves),
                [.. Leaves(leaves)], [.. Enumerable.Range(0, states).Where(state => counts[state] != before[state])
                .Select(state => (state, counts[state]))], looks));
            int inEpc = Enumerable.Range(0, states).Where(state => _states[state].IsInEpc).Sum(state => counts[state]);
            (most, Fullest) = inEpc >= most ? (inEpc, frames.Count - 1) : (most, Fullest);
        }

        Frames = frames;
        return true;
    }

    private void Set(int[] now, int index, int cell, int state, int[] counts, int[] cells)
    {
        int states = _states.Count;
        if (now[index] >= 0)
        {
            counts[now[index]]--;
            cells[(cell * states) + now[index]]--;
        }

        now[index] = state;
        counts[state]++;
        cells[(cell * states) + state]++;
    }

    // A cell of several pages looks as most of them are.
    private List<(int First, int Count, int State, bool IsMixed)> Looks(SortedSet<int> touched, int[] cells, int[] shown)
    {
        int states = _states.Count;
        var looks = new List<(int First, int Count, int State, bool IsMixed)>();
        foreach (int cell in touched)
        {
            ReadOnlySpan<int> of = cells.AsSpan(cell * states, states);
            int best = 0, kinds = 0;
            for (int state = 0; state < states; state++)
            {
                kinds += of[state] > 0 ? 1 : 0;
                best = of[state] > of[best] ? state : best;
            }

            int look = (2 * best) + (kinds > 1 ? 1 : 0) + 1;
            if (look == shown[cell])
            {
                continue;
            }

            shown[cell] = look;
            if (looks.Count > 0 && looks[^1] is var last && last.First + last.Count == cell && last.State == best
                && last.IsMixed == kinds > 1)
            {
                looks[^1] = last with { Count = last.Count + 1 };
                continue;
            }

            looks.Add((cell, 1, best, kinds > 1));
        }

        return looks;
    }

    private string What(int from, int to, int[] leaves)
    {
        PageChange only = _map.Changes[from];
        return to - from > 1
            ? string.Join(", ", Leaves(leaves).Select(leaf => string.Create(CultureInfo.InvariantCulture,
                $"{EnclaveMap.NameOf(leaf.Leaf)} {leaf.Pages}")))
            : only.Leaf == PageLeaf.PowerLoss ? "the machine lost power: no page is valid any more"
            : string.Create(CultureInfo.InvariantCulture,
                $"{EnclaveMap.NameOf(only.Leaf)} 0x{(only.First << 12) - _map.Base:x}{(only.Count > 1 ? $", {only.Count} pages" : "")}: {only.State}");
    }

    private static IEnumerable<(PageLeaf Leaf, int Pages)> Leaves(int[] leaves) =>
        Enumerable.Range(0, leaves.Length).Where(leaf => leaves[leaf] > 0).Select(leaf => ((PageLeaf)leaf, leaves[leaf]));
}
