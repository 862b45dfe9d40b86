namespace Cloister.Engine.Memory;

/// <summary>The pages that a process can really execute.</summary>
internal sealed class ExecutablePages(PageTable pages)
{
    private readonly SortedSet<ulong> _all = [];

    /// <summary>Pages that are natively executable and must no longer be.</summary>
    public SortedSet<ulong> Lost { get; } = [];

    /// <summary>Another number since any page became one or is one no more.</summary>
    public int Version { get; private set; }

    /// <summary>Runs of them, in order.</summary>
    public IEnumerable<(ulong Start, ulong End)> Runs()
    {
        ulong start = 0, end = 0;
        foreach (ulong page in _all)
        {
            if (page != end)
            {
                if (end != 0)
                {
                    yield return (start, end);
                }

                start = page;
            }

            end = page + 4096;
        }

        if (end != 0)
        {
            yield return (start, end);
        }
    }

    /// <summary>Notes that a page is one now, or no longer.</summary>
    public void Set(ulong page, bool value)
    {
        pages[page].Executable = value;
        Version++;
        _ = value ? _all.Add(page) : _all.Remove(page);
    }

    /// <summary>Fork: the parent's mappings are natively executable in the same places.</summary>
    public void Copy(ExecutablePages parent)
    {
        foreach (ulong page in parent._all)
        {
            Set(page, true);
        }
    }

    /// <summary>Fork, with mprotect: nothing is present in the child and nothing executable.</summary>
    public void Clear()
    {
        foreach (ulong page in _all.ToArray())
        {
            Set(page, false);
        }
    }

    /// <summary>Forgets a range that is no longer mapped.</summary>
    public void Forget(ulong start, ulong end)
    {
        Version++;
        _all.ExceptWith([.. _all.GetViewBetween(start, end - 1)]);
    }
}
