namespace Cloister.Cli.Looking;

/// <summary>A process of a run's program.</summary>
internal sealed record ProcessLook
{
    /// <summary>Its id.</summary>
    public required int Pid { get; init; }

    /// <summary>Its threads.</summary>
    public required IReadOnlyList<ThreadLook> Threads { get; init; }
}
