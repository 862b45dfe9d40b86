using Cloister.Cli.Tracing;

namespace Cloister.Cli.Reporting;

/// <summary>Things that ended in the same way, and of failures those that were about pages in the same state.</summary>
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

    /// <summary>Whether a developer would call it a failure.</summary>
    public required bool IsFailure { get; init; }

    /// <summary>
    /// The page that the first was about: where in the enclave, whether it is in it, and what it was; null where none is known.
    /// </summary>
    public (ulong Offset, bool IsInside, PageState State)? Page { get; init; }

    /// <summary>Whether something that ended so is a failure.</summary>
    /// <param name="kind">Of what kind it is.</param>
    /// <param name="how">How it ended.</param>
    public static bool IsFailureOf(TraceKinds kind, string how) => kind switch
    {
        TraceKinds.Ioctl or TraceKinds.Mapping => how.StartsWith('-') || how == "?",

        // What the driver resolves is none: a page that it brings, and a page that threads still use.
        // What it does not comes as an exception.
        TraceKinds.Enclu => how is not ("0" or "#PF"),
        TraceKinds.Encls or TraceKinds.Paging => how is not ("0" or "SGX_NOT_TRACKED"),
        TraceKinds.Fault => how.Contains("SIGBUS", StringComparison.Ordinal),
        TraceKinds.Exception => true,
        TraceKinds.Process => how.StartsWith("by SIG", StringComparison.Ordinal),
        _ => false,
    };
}
