namespace Cloister.Cli.Reporting;

/// <summary>Things that ended in the same way.</summary>
internal sealed class Reason
{
    public required string Kind { get; init; }

    public required string Name { get; init; }

    public required string How { get; init; }

    public long Count { get; set; }

    /// <summary>Nanoseconds since the run began, of the first.</summary>
    public required long First { get; init; }

    /// <summary>Whose the first was.</summary>
    public required int Thread { get; init; }

    public required ulong Enclave { get; init; }
}
