namespace Cloister.Cli.Looking;

/// <summary>A run: the machine, its program, its enclaves.</summary>
internal sealed record MachineLook
{
    /// <summary>Grows when a member changes its meaning or goes.</summary>
    public int Schema { get; init; } = 1;

    /// <summary>Cloister's process.</summary>
    public required int Pid { get; init; }

    /// <summary>The process that was begun; 0 when it has ended and others run on.</summary>
    public required int Program { get; init; }

    /// <summary>The program and its arguments.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>Cloister's version.</summary>
    public required string Version { get; init; }

    /// <summary>fast or trap.</summary>
    public required string Engine { get; init; }

    /// <summary>fast or strict.</summary>
    public required string Isolation { get; init; }

    /// <summary>The generation of the driver's interface.</summary>
    public required string Interface { get; init; }

    /// <summary>Seconds since the program began.</summary>
    public required double Seconds { get; init; }

    /// <summary>EPC pages of the machine.</summary>
    public required int EpcPagesTotal { get; init; }

    /// <summary>EPC pages that nobody owns.</summary>
    public required int EpcPagesFree { get; init; }

    /// <summary>Its processes.</summary>
    public required IReadOnlyList<ProcessLook> Processes { get; init; }

    /// <summary>Its enclaves, in the order of ECREATE.</summary>
    public required IReadOnlyList<EnclaveLook> Enclaves { get; init; }

    /// <summary>Whether it answered: of one that did not nothing else is known.</summary>
    public bool Answers { get; init; } = true;

    /// <summary>One that did not answer.</summary>
    public static MachineLook Silent(int pid) => new()
    {
        Pid = pid,
        Program = 0,
        Command = [],
        Version = "",
        Engine = "",
        Isolation = "",
        Interface = "",
        Seconds = 0,
        EpcPagesTotal = 0,
        EpcPagesFree = 0,
        Processes = [],
        Enclaves = [],
        Answers = false,
    };
}
