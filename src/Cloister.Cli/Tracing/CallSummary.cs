namespace Cloister.Cli.Tracing;

/// <summary>One kind of call or event in a run.</summary>
/// <param name="Name">The ioctl, the page fault and how it was answered, or the time inside.</param>
/// <param name="Count">How often.</param>
/// <param name="Errors">How often it failed.</param>
/// <param name="Nanoseconds">Time spent, together.</param>
/// <param name="Median">Half took no longer, in nanoseconds; to an eighth, as the next two.</param>
/// <param name="Percentile95">95 of 100 took no longer.</param>
/// <param name="Percentile99">99 of 100 took no longer.</param>
/// <param name="Maximum">The longest, exactly.</param>
internal sealed record CallSummary(string Name, long Count, long Errors, long Nanoseconds, long Median, long Percentile95,
    long Percentile99, long Maximum)
{
    /// <summary>Of what was measured.</summary>
    public static CallSummary Of(string name, Latencies times, long errors) => new(name, times.Count, errors, times.Total,
        times.Percentile(0.5), times.Percentile(0.95), times.Percentile(0.99), times.Maximum);
}
