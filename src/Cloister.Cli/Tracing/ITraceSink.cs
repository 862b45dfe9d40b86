namespace Cloister.Cli.Tracing;

/// <summary>Takes what a <see cref="TraceRecorder"/> hears.</summary>
internal interface ITraceSink
{
    /// <summary>What it wants to hear of.</summary>
    TraceKinds Kinds { get; }

    /// <summary>Takes an event.</summary>
    void Take(in TraceEvent happened);
}
