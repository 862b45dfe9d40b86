using Cloister.Engine.Options;

namespace Cloister.Lab;

/// <summary>What to run.</summary>
public sealed record ExperimentOptions
{
    /// <summary>The ways to compare.</summary>
    public IReadOnlyList<AllocationWay> Ways { get; init; } = AllocationWay.All;

    /// <summary>The patterns to compare them by.</summary>
    public IReadOnlyList<AllocationPattern> Patterns { get; init; } = AllocationPattern.All;

    /// <summary>Pages of the range, 1 or more.</summary>
    public int Pages { get; init; } = 1024;

    /// <summary>Pages of the EPC; null for as many as nothing is evicted with.</summary>
    public int? EpcPages { get; init; }

    /// <summary>Runs for the time here, of which the median counts; 0 leaves the time out.</summary>
    public int Repeats { get; init; } = 3;

    /// <summary>How enclaves are entered while time is measured. Events are always counted where every ENCLU passes the model.</summary>
    public EngineMode TimedEngine { get; init; } = EngineMode.Fast;

    /// <summary>The command that runs <see cref="Program.AllocationProgram"/> with the arguments that follow.</summary>
    public required IReadOnlyList<string> Program { get; init; }
}
