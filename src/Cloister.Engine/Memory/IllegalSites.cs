using Cloister.Linux;

namespace Cloister.Engine.Memory;

/// <summary>The illegal instructions that were found in an enclave's pages, page by page.</summary>
internal sealed class IllegalSites
{
    private readonly Dictionary<ulong, List<IllegalSite>> _pages = [];

    /// <summary>Whether there is none.</summary>
    public bool IsEmpty => _pages.Count == 0;

    /// <summary>Those that begin in the page at an address.</summary>
    public IReadOnlyList<IllegalSite> In(ulong page) => _pages.TryGetValue(page, out List<IllegalSite>? sites) ? sites : [];

    /// <summary>The one at an address.</summary>
    public IllegalSite? At(ulong address) => _pages.TryGetValue(HostPage.Start(address), out List<IllegalSite>? sites)
        ? sites.Find(site => site.Address == address) : null;

    /// <summary>One was found.</summary>
    public void Add(IllegalSite site)
    {
        ulong page = HostPage.Start(site.Address);
        if (!_pages.TryGetValue(page, out List<IllegalSite>? sites))
        {
            _pages.Add(page, sites = []);
        }

        sites.Add(site);
    }

    /// <summary>One is an instruction no more.</summary>
    public void Remove(IllegalSite site)
    {
        ulong page = HostPage.Start(site.Address);
        if (_pages.TryGetValue(page, out List<IllegalSite>? sites) && sites.Remove(site) && sites.Count == 0)
        {
            _ = _pages.Remove(page);
        }
    }

    /// <summary>A page has lost its content: those that have a byte in it are gone.</summary>
    public IReadOnlyList<IllegalSite> TakePage(ulong page)
    {
        List<IllegalSite> gone = [.. In(page)];
        if (At(page - 1) is { } across)
        {
            gone.Add(across);
        }

        gone.ForEach(Remove);
        return gone;
    }

    /// <summary>Makes a copy of a page what the program wrote.</summary>
    public void Restore(Span<byte> copy, ulong page)
    {
        foreach (IllegalSite site in In(page))
        {
            Restore(copy, (int)(site.Address - page), site);
        }

        if (At(page - 1) is { } across)
        {
            Restore(copy, -1, across);
        }
    }

    private static void Restore(Span<byte> copy, int at, IllegalSite site)
    {
        if (!site.IsGuarded && at + 1 < copy.Length && site.IsThere)
        {
            copy[at + 1] = site.Second;
        }
    }
}
