namespace Cloister.Cli.Looking;

/// <summary>A thread of a run's program.</summary>
internal sealed record ThreadLook
{
    /// <summary>Its id.</summary>
    public required int Tid { get; init; }

    /// <summary>The enclave that it is inside; 0 for none.</summary>
    public required ulong Enclave { get; init; }
}
