namespace Cloister.Cli.Tracing;

/// <summary>What a trace can have in it; the names of <c>--trace-events</c> are these in lower case.</summary>
[Flags]
internal enum TraceKinds
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>ioctl on the devices.</summary>
    Ioctl = 1,

    /// <summary>Leaves of ENCLU, which the program executes.</summary>
    Enclu = 2,

    /// <summary>Leaves of ENCLS, which the driver executes, without those of paging.</summary>
    Encls = 4,

    /// <summary>EBLOCK, ETRACK, EWB and what loads pages again.</summary>
    Paging = 8,

    /// <summary>Page faults that the driver answers.</summary>
    Fault = 16,

    /// <summary>Asynchronous exits.</summary>
    Exit = 32,

    /// <summary>Exceptions that come to the program.</summary>
    Exception = 64,

    /// <summary>Signals that threads get.</summary>
    Signal = 128,

    /// <summary>System calls about mappings of the device.</summary>
    Mapping = 256,

    /// <summary>Threads and processes: how they begin, execute another program and end.</summary>
    Process = 512,

    /// <summary>Entries and exits that the program made without a stop: counted, not seen.</summary>
    Fast = 1024,

    /// <summary>Losses of power, after which no page is valid.</summary>
    Power = 2048,

    /// <summary>What happens because an option orders it.</summary>
    Order = 4096,

    /// <summary>All leaves.</summary>
    Leaf = Enclu | Encls | Paging,

    /// <summary>Everything.</summary>
    All = (Order << 1) - 1,
}
