namespace Cloister.Host;

/// <summary>What of an enclave is mapped and what the page tables permit there.</summary>
internal sealed class MappedAreas
{
    private readonly SortedDictionary<ulong, (ulong End, PageAccess Access)> _areas = [];

    /// <summary>The areas whose code can run, by ascending offset.</summary>
    public (ulong Offset, ulong Length, PageAccess Access)[] Executable =>
        [.. _areas.Where(area => area.Value.Access.HasFlag(PageAccess.Execute))
            .Select(area => (area.Key, area.Value.End - area.Key, area.Value.Access))];

    /// <summary>Mapped there now, in place of what was.</summary>
    public void Set(ulong offset, ulong length, PageAccess access)
    {
        Remove(offset, length);
        if (length != 0)
        {
            _areas[offset] = (offset + length, access);
        }
    }

    /// <summary>Other access to what is mapped there.</summary>
    public void Protect(ulong offset, ulong length, PageAccess access)
    {
        foreach ((ulong start, (ulong end, PageAccess _)) in Within(offset, offset + length))
        {
            ulong first = Math.Max(start, offset), last = Math.Min(end, offset + length);
            Set(first, last - first, access);
        }
    }

    /// <summary>Nothing is mapped there any more.</summary>
    public void Remove(ulong offset, ulong length)
    {
        ulong stop = offset + length;
        foreach ((ulong start, (ulong end, PageAccess access)) in Within(offset, stop))
        {
            _ = _areas.Remove(start);
            if (start < offset)
            {
                _areas[start] = (offset, access);
            }

            if (end > stop)
            {
                _areas[stop] = (end, access);
            }
        }
    }

    private KeyValuePair<ulong, (ulong End, PageAccess Access)>[] Within(ulong start, ulong stop) =>
        [.. _areas.Where(area => area.Key < stop && area.Value.End > start)];
}
