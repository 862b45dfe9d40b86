namespace Cloister.Cli.Looking;

/// <summary>What may be asked of a run.</summary>
internal enum LookVerb
{
    /// <summary>What machine it is, and its enclaves.</summary>
    Ps,

    /// <summary>The pages of its enclaves.</summary>
    Maps,

    /// <summary>What it did.</summary>
    Stats,

    /// <summary>What it did, as metrics.</summary>
    Metrics,

    /// <summary>The memory of an enclave.</summary>
    Dump,

    /// <summary>To be debugged: what follows is gdb's protocol.</summary>
    Gdb,
}
