namespace Cloister.Cli.Looking;

/// <summary>The enclaves' address spaces.</summary>
internal sealed record MapsLook
{
    /// <summary>Grows when a member changes its meaning or goes.</summary>
    public int Schema { get; init; } = 1;

    /// <summary>Cloister's process.</summary>
    public required int Pid { get; init; }

    /// <summary>The enclaves of each process.</summary>
    public required IReadOnlyList<MappedEnclaveLook> Enclaves { get; init; }

    /// <summary>Whether there are more rows, which are left out.</summary>
    public required bool Cut { get; init; }

    /// <summary>Files that the program opened, of which enclaves may be: known where failures are explained.</summary>
    public required IReadOnlyList<string> Files { get; init; }
}
