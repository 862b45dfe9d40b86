namespace Cloister.Engine.Memory;

/// <summary>The device mappings of an address space, ordered by address and not overlapping.</summary>
internal sealed class MappingList
{
    private readonly List<EnclaveMapping> _list = [];

    public IReadOnlyList<EnclaveMapping> All => _list;

    /// <summary>Another number whenever something has changed.</summary>
    public int Version { get; private set; }

    public EnclaveMapping? Find(ulong address)
    {
        int low = 0, high = _list.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            EnclaveMapping mapping = _list[middle];
            if (address < mapping.Start)
            {
                high = middle - 1;
            }
            else if (address >= mapping.End)
            {
                low = middle + 1;
            }
            else
            {
                return mapping;
            }
        }

        return null;
    }

    /// <summary>The parts of mappings that lie in a range, cut to it.</summary>
    public List<EnclaveMapping> Within(ulong start, ulong end)
    {
        var parts = new List<EnclaveMapping>();
        foreach (EnclaveMapping mapping in _list)
        {
            if (mapping.Start < end && start < mapping.End)
            {
                parts.Add(mapping with { Start = Math.Max(start, mapping.Start), End = Math.Min(end, mapping.End) });
            }
        }

        return parts;
    }

    /// <summary>A range cut into what is the device's and what is not, in order.</summary>
    public List<(ulong Start, ulong End, EnclaveMapping? Device)> Pieces(ulong start, ulong end)
    {
        var pieces = new List<(ulong Start, ulong End, EnclaveMapping? Device)>();
        foreach (EnclaveMapping part in Within(start, end))
        {
            if (part.Start > start)
            {
                pieces.Add((start, part.Start, null));
            }

            pieces.Add((part.Start, part.End, part));
            start = part.End;
        }

        if (end > start)
        {
            pieces.Add((start, end, null));
        }

        return pieces;
    }

    /// <summary>Takes a range out; returns the files that lost something.</summary>
    public HashSet<EnclaveFile> Remove(ulong start, ulong end)
    {
        var files = new HashSet<EnclaveFile>();
        for (int i = _list.Count - 1; i >= 0; i--)
        {
            EnclaveMapping mapping = _list[i];
            if (mapping.Start >= end || start >= mapping.End)
            {
                continue;
            }

            Version++;
            files.Add(mapping.File);
            _list.RemoveAt(i);
            if (mapping.End > end)
            {
                _list.Insert(i, mapping with { Start = end });
            }

            if (mapping.Start < start)
            {
                _list.Insert(i, mapping with { End = start });
            }
        }

        return files;
    }

    /// <summary>Puts a mapping in the place of whatever is there, joined with equal neighbours.</summary>
    public void Add(EnclaveMapping mapping)
    {
        Version++;
        Remove(mapping.Start, mapping.End);
        int at = _list.FindIndex(m => m.Start > mapping.Start);
        at = at < 0 ? _list.Count : at;
        if (at < _list.Count && Joins(mapping, _list[at]))
        {
            mapping = mapping with { End = _list[at].End };
            _list.RemoveAt(at);
        }

        if (at > 0 && Joins(_list[at - 1], mapping))
        {
            mapping = mapping with { Start = _list[at - 1].Start };
            _list.RemoveAt(--at);
        }

        _list.Insert(at, mapping);
    }

    private static bool Joins(EnclaveMapping left, EnclaveMapping right) =>
        left.End == right.Start && left.Protection == right.Protection && left.File == right.File && left.Delta == right.Delta
        && left.CopiesOnFork == right.CopiesOnFork
        && left.IsSealed == right.IsSealed;
}
