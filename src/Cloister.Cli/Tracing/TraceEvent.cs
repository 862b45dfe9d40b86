namespace Cloister.Cli.Tracing;

/// <summary>Something that happened in a run. Times are nanoseconds since the run began.</summary>
internal readonly record struct TraceEvent
{
    /// <summary>Of what kind; one of them.</summary>
    public required TraceKinds Kind { get; init; }

    /// <summary>What it is called: a leaf, an ioctl, an exception, a signal, a system call.</summary>
    public required string Name { get; init; }

    /// <summary>When it ended; of what has no length, when it was.</summary>
    public required long Time { get; init; }

    /// <summary>How long it took, of an exit how long the thread was inside; -1 where that is not known.</summary>
    public long Duration { get; init; }

    /// <summary>Id of the process; 0 for the driver's own threads.</summary>
    public int Process { get; init; }

    /// <summary>Id of the thread; 0 for the driver's own threads.</summary>
    public int Thread { get; init; }

    /// <summary>SECS.EID of the enclave; 0 for none, or where it is not known.</summary>
    public ulong Enclave { get; init; }

    /// <summary>The address it is about: a page, a TCS, an ioctl's argument.</summary>
    public ulong Address { get; init; }

    /// <summary>Bytes from <see cref="Address"/>; 0 where that means nothing.</summary>
    public ulong Length { get; init; }

    /// <summary>How it ended: 0, an error's name; null where nothing can fail.</summary>
    public string? Outcome { get; init; }

    /// <summary>What is to be said beside.</summary>
    public string? Detail { get; init; }

    /// <summary>
    /// What the EPCM says of the page afterwards, of a leaf that changed it: PT_REG rw- PENDING; null where there is no such.
    /// </summary>
    public string? Page { get; init; }

    /// <summary>How many alike this stands for; 1 as a rule.</summary>
    public long Count { get; init; }

    /// <summary>The thread did it by itself some time before <see cref="Time"/>, which is when the machine heard of it.</summary>
    public bool Earlier { get; init; }
}
