namespace Cloister.Driver;

/// <summary>What the driver counts as it works; <see cref="DriverStatistics"/> is the copy for others.</summary>
internal sealed class Counters
{
    public long Adds { get; set; }

    public long Augments { get; set; }

    public long Evictions { get; set; }

    public long Loads { get; set; }

    public long Removals { get; set; }

    public long Faults { get; set; }

    public long Ioctls { get; set; }

    public long ReclaimRuns { get; set; }

    public long ForcedExits { get; set; }
}
