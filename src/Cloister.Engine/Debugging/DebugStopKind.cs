namespace Cloister.Engine.Debugging;

/// <summary>Why a process stands for its debugger.</summary>
public enum DebugStopKind
{
    /// <summary>A thread is about to get a signal.</summary>
    Signal,

    /// <summary>A thread is at a breakpoint, and has not executed what stands there.</summary>
    Breakpoint,

    /// <summary>A thread has executed what it was to execute.</summary>
    Step,

    /// <summary>It was told to stop.</summary>
    Interrupt,

    /// <summary>Code came that has names: an enclave was initialized.</summary>
    Code,

    /// <summary>It has executed a program, of which nothing has run.</summary>
    Executed,

    /// <summary>The threads that were to run have ended, and all others stand.</summary>
    NothingRuns,

    /// <summary>It has ended by itself.</summary>
    Exited,

    /// <summary>A signal has ended it.</summary>
    Killed,
}
