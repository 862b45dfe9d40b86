namespace Cloister.Cli.Looking;

/// <summary>What comes before the memory of an enclave: so many bytes follow the line.</summary>
internal sealed record DumpLook
{
    /// <summary>Grows when a member changes its meaning or goes.</summary>
    public int Schema { get; init; } = 1;

    /// <summary>Cloister's process.</summary>
    public required int Pid { get; init; }

    /// <summary>The enclave's number, SECS.EID.</summary>
    public required ulong Enclave { get; init; }

    /// <summary>Bytes of the core file.</summary>
    public required long Length { get; init; }

    /// <summary>Pages in it.</summary>
    public required int Pages { get; init; }

    /// <summary>Pages that could not be read.</summary>
    public required int Unreadable { get; init; }

    /// <summary>The SIGSTRUCT in hexadecimal; empty before INIT.</summary>
    public required string Sigstruct { get; init; }
}
