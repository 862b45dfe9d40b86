namespace Cloister.Cli.Looking;

/// <summary>Pages in a row that are alike.</summary>
internal sealed record PagesLook
{
    /// <summary>First byte, in hexadecimal.</summary>
    public required string Start { get; init; }

    /// <summary>Behind the last byte, in hexadecimal.</summary>
    public required string End { get; init; }

    /// <summary>How many.</summary>
    public required long Pages { get; init; }

    /// <summary>What the process's mapping allows, as rwx; null where it has none.</summary>
    public required string? Mapping { get; init; }

    /// <summary>PT_REG, PT_TCS and so on; null where the enclave has no page.</summary>
    public required string? Type { get; init; }

    /// <summary>The EPCM's permissions, as rwx; null where it has no page, or one that is written out.</summary>
    public required string? Permissions { get; init; }

    /// <summary>epc, written out, or none.</summary>
    public required string Where { get; init; }

    /// <summary>PENDING, MODIFIED, PR, BLOCKED.</summary>
    public required IReadOnlyList<string> State { get; init; }

    /// <summary>
    /// Code of the first page, or at the address that was asked for, in hexadecimal; null where it is no code, or not in the EPC.
    /// </summary>
    public string? Code { get; init; }

    /// <summary>Where in its page that code begins.</summary>
    public int CodeOffset { get; init; }

    /// <summary>What the code is called, and in which file; null where no file is known that has it.</summary>
    public string? Name { get; init; }
}
