using Cloister.Driver;
using Cloister.Engine.Memory;
using Cloister.Engine.Programs;

namespace Cloister.Engine.Devices;

/// <summary>An ioctl whose thread is stopped while the driver works on it in slices, between which other threads are served.</summary>
internal sealed class RunningIoctl(TracedThread thread, EnclaveFile file, IoctlCaller caller, IoctlOperation operation, Action<long> done)
{
    private bool _told;

    public TracedThread Thread { get; } = thread;

    /// <summary>The file that it is on, open as long as it lasts whoever closes it: Linux, fs/ioctl.c, fdget.</summary>
    public EnclaveFile File { get; } = file;

    /// <summary>How often the end of some thread came between.</summary>
    public int Attempts { get; set; }

    /// <summary>Does one slice; true when the call is finished.</summary>
    public bool Continue(int pages)
    {
        // Whoever stopped last in this memory may have another by now: the child of a vfork that execs.
        Thread.Space.Memory.Thread = Thread.Id;
        if (!_told && caller.SignalPending)
        {
            _told = true;
            operation.Interrupt();
        }

        return operation.Continue(pages);
    }

    /// <summary>As if a signal had come.</summary>
    public void Interrupt() => operation.Interrupt();

    /// <summary>It is done.</summary>
    /// <returns>Its result for the thread.</returns>
    public Answer Finish()
    {
        long result = operation.Result;
        operation.Dispose();
        done(result);
        return Answer.Made(result);
    }

    /// <summary>The thread has ended.</summary>
    public void Abandon() => operation.Dispose();
}
