namespace Cloister.Cli.Tracing;

/// <summary>How a trace is written. Each call appends whole lines.</summary>
internal interface ITraceFormat
{
    /// <summary>What stands before the events.</summary>
    void Begin(Utf8Line line, TraceHeader header);

    /// <summary>An event.</summary>
    void Write(Utf8Line line, in TraceEvent happened);

    /// <summary>What stands behind the events; a trace that was cut off has not got it.</summary>
    /// <param name="line">Where to.</param>
    /// <param name="time">Nanoseconds since the run began.</param>
    /// <param name="exitStatus">The program's exit status; null when a signal ended it.</param>
    /// <param name="signal">The signal that ended it, or null.</param>
    void End(Utf8Line line, long time, int? exitStatus, int? signal);
}
