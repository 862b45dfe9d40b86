namespace Cloister.Engine.Options;

/// <summary>How many stops of the program were answered; each costs microseconds.</summary>
public sealed class StopCounts
{
    /// <summary>System calls that the filters sent here.</summary>
    public long SystemCalls { get; private set; }

    /// <summary>Signals: exceptions of the program, ENCLU and CPUID among them, and signals sent to it.</summary>
    public long Signals { get; private set; }

    /// <summary>Forks, execs and group stops.</summary>
    public long Others { get; private set; }

    internal void CountSystemCall() => SystemCalls++;

    internal void CountSignal() => Signals++;

    internal void CountOther() => Others++;
}
