namespace Cloister.Engine.Debugging;

/// <summary>Whose registers a debugger is shown of a thread.</summary>
public enum ThreadPlace
{
    /// <summary>The thread's own: it is outside.</summary>
    Outside,

    /// <summary>The thread's own: it is inside an enclave that may be debugged.</summary>
    Inside,

    /// <summary>Those of its state save area frame: an asynchronous exit was taken, of an enclave that may be debugged, and nothing was
    /// executed since.</summary>
    Exited,

    /// <summary>What an asynchronous exit would leave: it is inside an enclave that may not be debugged.</summary>
    Hidden,

    /// <summary>Nobody's: it waits in the kernel and cannot be looked at.</summary>
    Unknown,
}
