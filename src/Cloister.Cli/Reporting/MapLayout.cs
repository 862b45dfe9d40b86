namespace Cloister.Cli.Reporting;

/// <summary>
/// Where the pages of an enclave are drawn: rows of cells, each for as many pages as it takes to have few rows. Rows in which there was
/// never a page are left out.
/// </summary>
internal sealed class MapLayout
{
    /// <summary>Cells of a row, by their bits.</summary>
    public const int RowBits = 6;

    /// <summary>Cells of a row.</summary>
    public const int RowCells = 1 << RowBits;

    /// <summary>The most rows.</summary>
    public const int MostRows = 40;

    private readonly ulong _firstPage;
    private readonly List<(ulong First, ulong End, int Before)> _runs = []; // pages from the enclave's first, and how many stand before
    private readonly List<ulong> _rows = [];
    private readonly Dictionary<ulong, int> _places = [];

    /// <summary>Lays the pages out that ever were.</summary>
    public MapLayout(EnclaveMap map)
    {
        _firstPage = map.Base >> 12;
        foreach ((ulong first, int count) in map.Changes.Where(change => change.Count > 0)
            .Select(change => (change.First - _firstPage, change.Count)).Order())
        {
            if (_runs.Count > 0 && first <= _runs[^1].End)
            {
                _runs[^1] = _runs[^1] with { End = Math.Max(_runs[^1].End, first + (ulong)count) };
                continue;
            }

            _runs.Add((first, first + (ulong)count, 0));
        }

        for (int i = 0; i < _runs.Count; i++)
        {
            _runs[i] = _runs[i] with { Before = Pages };
            Pages += (int)(_runs[i].End - _runs[i].First);
        }

        while (!HasFewRows())
        {
            CellBits++;
        }

        PagesInCell = new int[_rows.Count * RowCells];
        foreach ((ulong first, ulong end, _) in _runs)
        {
            for (ulong page = first; page < end; page++)
            {
                PagesInCell[Cell(page)]++;
            }
        }
    }

    /// <summary>Pages that ever were.</summary>
    public int Pages { get; }

    /// <summary>Pages of a cell, by their bits.</summary>
    public int CellBits { get; private set; }

    /// <summary>Where each row begins: the page, counted from the enclave's first.</summary>
    public IReadOnlyList<ulong> Rows => _rows;

    /// <summary>How many pages of each cell there ever were.</summary>
    public int[] PagesInCell { get; }

    /// <summary>A page's place among all that ever were; those that follow it follow there too.</summary>
    /// <param name="page">Its number: address / 4096.</param>
    public int IndexOf(ulong page)
    {
        page -= _firstPage;
        int low = 0, high = _runs.Count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            (low, high) = _runs[middle].First <= page ? (middle, high) : (low, middle - 1);
        }

        return _runs[low].Before + (int)(page - _runs[low].First);
    }

    /// <summary>The cell of a page.</summary>
    /// <param name="page">Its number: address / 4096.</param>
    public int CellOf(ulong page) => Cell(page - _firstPage);

    private int Cell(ulong page) =>
        (_places[page >> CellBits >> RowBits] << RowBits) | ((int)(page >> CellBits) & (RowCells - 1));

    private bool HasFewRows()
    {
        _rows.Clear();
        _places.Clear();
        foreach ((ulong first, ulong end, _) in _runs)
        {
            for (ulong row = first >> CellBits >> RowBits; row <= (end - 1) >> CellBits >> RowBits; row++)
            {
                if (!_places.ContainsKey(row))
                {
                    if (_rows.Count == MostRows)
                    {
                        return false;
                    }

                    _places[row] = _rows.Count;
                    _rows.Add(row << CellBits << RowBits);
                }
            }
        }

        return true;
    }
}
