namespace Cloister.Cli.Looking;

/// <summary>An enclave of a run.</summary>
internal sealed record EnclaveLook
{
    /// <summary>Its number, SECS.EID.</summary>
    public required ulong Enclave { get; init; }

    /// <summary>SECS.BASEADDR, in hexadecimal.</summary>
    public required string Base { get; init; }

    /// <summary>SECS.SIZE.</summary>
    public required ulong Size { get; init; }

    /// <summary>building, initialized, dead, or suspended after a loss of power.</summary>
    public required string State { get; init; }

    /// <summary>Whether it has the DEBUG attribute.</summary>
    public required bool Debug { get; init; }

    /// <summary>In hexadecimal; null before INIT.</summary>
    public required string? Mrenclave { get; init; }

    /// <summary>In hexadecimal; null before INIT.</summary>
    public required string? Mrsigner { get; init; }

    /// <summary>Pages, in the EPC and written out, without the SECS.</summary>
    public required int Pages { get; init; }

    /// <summary>Those in the EPC.</summary>
    public required int PagesInEpc { get; init; }

    /// <summary>Threads that are inside.</summary>
    public required int ThreadsInside { get; init; }

    /// <summary>Processes that have it mapped.</summary>
    public required IReadOnlyList<int> Processes { get; init; }
}
