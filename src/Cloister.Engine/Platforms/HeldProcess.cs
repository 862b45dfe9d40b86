namespace Cloister.Engine.Platforms;

/// <summary>A process that is held, as its platform knows it.</summary>
internal abstract class HeldProcess(int id)
{
    /// <summary>Process id.</summary>
    public int Id { get; } = id;

    /// <summary>Its memory, which others may have as well.</summary>
    public abstract HeldMemory Memory { get; }

    /// <summary>Its living threads, as the platform made them.</summary>
    public List<IHeldThread> Held { get; } = [];

    /// <summary>It has seccomp filters of its own, or a thread of it has: calls of the gadget stop.</summary>
    public bool HasFilters { get; set; }

    /// <summary>The filter that it needs and has not got yet, for it was not held from its beginning.</summary>
    public byte[]? LackedFilter { get; set; }

    /// <summary>The ranges from which it can make no system call, where that takes filters.</summary>
    public CoveredRanges Covered { get; init; } = new();

    /// <summary>Its actions at the signals of exceptions.</summary>
    public SignalActions Actions { get; set; } = new();

    /// <summary>Whether the signal masks of its threads are followed: it has blocked a signal that a stop of ours used.</summary>
    public bool FollowsMasks { get; set; }
}
