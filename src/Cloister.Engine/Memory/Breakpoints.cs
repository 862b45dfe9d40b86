using Cloister.Engine.Platforms;

namespace Cloister.Engine.Memory;

/// <summary>The execution breakpoints of an address space: the debug registers of each of its threads.</summary>
/// <remarks>The instruction stops before it executes, and its bytes are what the program wrote. SDM 3B, "Instruction-Breakpoint Exception
/// Condition". A thread has its registers written before it runs on, a new one before it runs at all: they are not inherited.</remarks>
internal sealed class Breakpoints : IBreakpoints
{
    private const int Registers = 4;

    // Those used last come last.
    private readonly List<IllegalSite> _sites = [];

    /// <summary>Changes when they do; threads that have another have to be brought up to date.</summary>
    public int Version { get; private set; }

    /// <summary>The kernel has none to give.</summary>
    public bool AreRefused { get; private set; }

    /// <summary>All registers are in use.</summary>
    public bool AreAll => _sites.Count == Registers;

    /// <summary>Those that are set, the one that was used longest ago first.</summary>
    public IReadOnlyList<IllegalSite> Sites => _sites;

    /// <inheritdoc/>
    public IEnumerable<ulong> Addresses => _sites.Select(site => site.Address).Order();

    /// <summary>Whether one is set at an address.</summary>
    public bool Contains(ulong address)
    {
        foreach (IllegalSite site in _sites)
        {
            if (site.Address == address)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Sets one.</summary>
    public void Add(IllegalSite site)
    {
        _sites.Add(site);
        Version++;
    }

    /// <summary>One was hit.</summary>
    public void NoteUse(IllegalSite site)
    {
        // The order is not in the registers.
        if (_sites.Remove(site))
        {
            _sites.Add(site);
        }
    }

    /// <summary>Takes one away, where it is set.</summary>
    public void Remove(IllegalSite site)
    {
        if (_sites.Remove(site))
        {
            Version++;
        }
    }

    /// <summary>Takes those of a range away.</summary>
    public void Remove(ulong start, ulong end)
    {
        if (_sites.RemoveAll(site => site.Address >= start && site.Address < end) > 0)
        {
            Version++;
        }
    }

    /// <summary>Fork: the child has the same code.</summary>
    public void CopyFrom(Breakpoints parent)
    {
        _sites.AddRange(parent._sites);
        AreRefused = parent.AreRefused;
        Version++;
    }

    /// <summary>Sets none any more.</summary>
    public void Refuse()
    {
        AreRefused = true;
        foreach (IllegalSite site in _sites)
        {
            site.Replace();
        }

        _sites.Clear();
        Version++;
    }
}
