namespace Cloister.Linux;

/// <summary>What <c>wait4</c> said about a thread. Source: wait(2), ptrace(2).</summary>
public readonly record struct WaitStatus(int Raw)
{
    /// <summary>It ended by exit.</summary>
    public bool Exited => (Raw & 0x7f) == 0;

    /// <summary>Its exit status, 0 to 255, where <see cref="Exited"/>.</summary>
    public int ExitStatus => (Raw >> 8) & 0xff;

    /// <summary>It was ended by a signal.</summary>
    public bool Signaled => ((sbyte)((Raw & 0x7f) + 1) >> 1) > 0;

    /// <summary>The signal that ended it, where <see cref="Signaled"/>.</summary>
    public int TerminatingSignal => Raw & 0x7f;

    /// <summary>It is stopped for its tracer.</summary>
    public bool Stopped => (Raw & 0xff) == 0x7f;

    /// <summary>The signal of the stop; bit 7 set for a system call stop.</summary>
    public int StopSignal => (Raw >> 8) & 0xff;

    /// <summary>The ptrace event of the stop, or 0.</summary>
    public PtraceEvent Event => (PtraceEvent)(Raw >> 16);
}

/// <summary>Ptrace events. Source: uapi linux/ptrace.h.</summary>
public enum PtraceEvent
{
    /// <summary>No event.</summary>
    None = 0,
    /// <summary>fork.</summary>
    Fork = 1,
    /// <summary>vfork.</summary>
    Vfork = 2,
    /// <summary>clone.</summary>
    Clone = 3,
    /// <summary>exec.</summary>
    Exec = 4,
    /// <summary>The end of a vfork.</summary>
    VforkDone = 5,
    /// <summary>The thread is about to end.</summary>
    Exit = 6,
    /// <summary>A seccomp filter answered TRACE.</summary>
    Seccomp = 7,
    /// <summary>PTRACE_INTERRUPT, a group stop, or a new child.</summary>
    Stop = 128,
}
