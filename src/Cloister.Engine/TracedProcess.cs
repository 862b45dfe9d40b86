namespace Cloister.Engine;

/// <summary>A thread group of the traced program.</summary>
internal sealed class TracedProcess(int id, AddressSpace space)
{
    /// <summary>Process id.</summary>
    public int Id { get; } = id;

    /// <summary>Its memory; replaced by exec.</summary>
    public AddressSpace Space { get; set; } = space;

    /// <summary>Its living threads.</summary>
    public List<TracedThread> Threads { get; } = [];

    /// <summary>Whether it has the filter of device users: filters outlive exec, and fork passes them on.</summary>
    public bool IsDeviceUser { get; set; }

    /// <summary>It has seccomp filters of its own, or a thread of it has: calls of the gadget stop.</summary>
    public bool HasFilters { get; set; }

    /// <summary>The ranges from which it can make no system call, where that takes filters.</summary>
    public CoveredRanges Covered { get; init; } = new();

    /// <summary>A thread of it ended in the middle of what it did, which may have been a fork.</summary>
    public bool MayHaveForked { get; set; }

    /// <summary>Handlers of the synchronous signals, as the program set them; by signal number.</summary>
    public Dictionary<int, ulong> Handlers { get; set; } = [];
}
