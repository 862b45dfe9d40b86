namespace Cloister.Engine.Platforms;

/// <summary>What a signal is about, at which a thread stands.</summary>
internal enum SignalCause
{
    /// <summary>Somebody sent it.</summary>
    Sent,

    /// <summary>The instruction at which the thread stands raised it.</summary>
    Exception,

    /// <summary>A system call was tried where there can be none.</summary>
    CallInside,

    /// <summary>It was raised before, where it could not be given.</summary>
    Raised,
}
