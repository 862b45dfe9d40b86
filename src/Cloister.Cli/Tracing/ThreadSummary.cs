namespace Cloister.Cli.Tracing;

/// <summary>What one thread did.</summary>
/// <param name="process">Its process.</param>
/// <param name="thread">Its id.</param>
internal sealed class ThreadSummary(int process, int thread)
{
    private const string Faults = "page faults", Ioctls = "ioctls";
    private readonly SortedDictionary<string, (Latencies Times, long Errors)> _calls = new(StringComparer.Ordinal);

    /// <summary>Its process.</summary>
    public int Process => process;

    /// <summary>Its id.</summary>
    public int Thread => thread;

    /// <summary>Entries and exits.</summary>
    public EntryCounts Counts { get; } = new();

    /// <summary>What took its time: page faults, ioctls, and the time inside where entry and exit both stopped.</summary>
    public IReadOnlyList<CallSummary> Calls => [.. _calls.Select(call => CallSummary.Of(call.Key, call.Value.Times, call.Value.Errors))];

    /// <summary>Counts an event of its own.</summary>
    /// <param name="e">The event.</param>
    /// <param name="failed">Whether it failed.</param>
    public void Add(in TraceEvent e, bool failed)
    {
        Counts.Add(in e);
        string? name = e.Kind switch
        {
            TraceKinds.Ioctl => Ioctls,
            TraceKinds.Fault => Faults,
            _ => e.Duration >= 0 ? RunSummary.Inside : null,
        };
        if (name is null)
        {
            return;
        }

        if (!_calls.TryGetValue(name, out (Latencies Times, long Errors) known))
        {
            known = (new Latencies(), 0);
        }

        known.Times.Add(Math.Max(e.Duration, 0));
        _calls[name] = (known.Times, known.Errors + (failed ? 1 : 0));
    }
}
