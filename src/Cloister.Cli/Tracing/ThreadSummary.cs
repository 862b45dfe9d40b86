namespace Cloister.Cli.Tracing;

/// <summary>What one thread did.</summary>
/// <param name="Process">Its process.</param>
/// <param name="Thread">Its id.</param>
/// <param name="Counts">Entries and exits.</param>
internal sealed record ThreadSummary(int Process, int Thread, EntryCounts Counts);
