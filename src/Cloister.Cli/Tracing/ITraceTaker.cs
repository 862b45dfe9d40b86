namespace Cloister.Cli.Tracing;

/// <summary>Takes what is in a trace that is read.</summary>
internal interface ITraceTaker
{
    /// <summary>The trace begins.</summary>
    void Begin(TraceHeader header);

    /// <summary>An event.</summary>
    void Take(in TraceEvent e);

    /// <summary>The program ended. A trace that was cut does not say so.</summary>
    void End(long time, int? exitStatus, int? signal);
}
