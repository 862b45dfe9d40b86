namespace Cloister.Engine.Platforms;

/// <summary>What can happen to a thread of a program that is held.</summary>
internal enum EventKind
{
    /// <summary>It is about to make a system call that was asked for.</summary>
    SystemCall,

    /// <summary>A system call that was asked for has ended; it is not back in its program yet.</summary>
    SystemCallDone,

    /// <summary>It stands before the delivery of a signal, which may be an exception's.</summary>
    Signal,

    /// <summary>It has made a thread or a process, and goes on.</summary>
    ChildMade,

    /// <summary>The child of its vfork has executed a program or ended.</summary>
    ChildReleased,

    /// <summary>It has executed a program; it stands at the return of execve.</summary>
    ImageBegan,

    /// <summary>It was told to stop, or is new and has not run yet.</summary>
    Halted,

    /// <summary>Its process was stopped by a signal.</summary>
    ProcessStopped,

    /// <summary>It has ended.</summary>
    Ended,

    /// <summary>Something that is none of these and asks for nothing.</summary>
    Other,
}
