namespace Cloister.Lab;

/// <summary>What came out for one way and one pattern.</summary>
/// <param name="Way">The way.</param>
/// <param name="Pattern">The pattern.</param>
/// <param name="PagesUsed">Pages of the range that were used.</param>
/// <param name="PagesTaken">Pages of the range that were in the EPC at the end.</param>
/// <param name="Events">What the machine counted.</param>
/// <param name="BuildTime">Time here from ECREATE to EINIT, median; null when it was not measured.</param>
/// <param name="UseTime">Time here from then to the end of the use, median.</param>
public sealed record ExperimentResult(
    AllocationWay Way,
    AllocationPattern Pattern,
    int PagesUsed,
    long PagesTaken,
    EnclaveEvents Events,
    TimeSpan? BuildTime,
    TimeSpan? UseTime)
{
    /// <summary>Each time from ECREATE to EINIT, in the order of the runs.</summary>
    public IReadOnlyList<TimeSpan> BuildTimes { get; init; } = [];

    /// <summary>Each time from then to the end of the use.</summary>
    public IReadOnlyList<TimeSpan> UseTimes { get; init; } = [];
}
