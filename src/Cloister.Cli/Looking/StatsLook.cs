using Cloister.Cli.Running;

namespace Cloister.Cli.Looking;

/// <summary>What a run has done so far.</summary>
internal sealed record StatsLook
{
    /// <summary>Grows when a member changes its meaning or goes.</summary>
    public int Schema { get; init; } = 1;

    /// <summary>Cloister's process.</summary>
    public required int Pid { get; init; }

    /// <summary>Seconds since the program began.</summary>
    public required double Seconds { get; init; }

    /// <summary>The second from which counts of pages, faults, ioctls and stops are: 0 until they were reset.</summary>
    public required double CountedFrom { get; init; }

    /// <summary>
    /// The second from which calls, enclaves and threads are counted: when somebody first asked, where the run was not started with
    /// --stats.
    /// </summary>
    public required double ObservedFrom { get; init; }

    /// <summary>The counts.</summary>
    public required RunStatistics Statistics { get; init; }

    /// <summary>The same as text.</summary>
    public required string Text { get; init; }
}
