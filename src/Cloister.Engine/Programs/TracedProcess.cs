using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;

namespace Cloister.Engine.Programs;

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

    /// <summary>Its actions at the signals of exceptions.</summary>
    public SignalActions Actions { get; set; } = new();

    /// <summary>Whether the signal masks of its threads are followed: it has blocked a signal that a stop of ours used.</summary>
    public bool FollowsMasks { get; set; }
}
