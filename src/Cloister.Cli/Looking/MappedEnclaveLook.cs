namespace Cloister.Cli.Looking;

/// <summary>An enclave as one process has it.</summary>
internal sealed record MappedEnclaveLook
{
    /// <summary>The process.</summary>
    public required int Process { get; init; }

    /// <summary>The enclave.</summary>
    public required EnclaveLook Enclave { get; init; }

    /// <summary>Its pages and what is mapped without a page, in the order of addresses.</summary>
    public required IReadOnlyList<PagesLook> Rows { get; init; }
}
