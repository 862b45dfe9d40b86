using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>One instruction of a thread that stands.</summary>
internal static class SingleStep
{
    /// <summary>Lets a thread execute one instruction; returns its next stop.</summary>
    public static WaitStatus Run(PtraceThread thread)
    {
        // The step ends in a SIGTRAP, whatever else the program does with that.
        ForcedSignals.Note(thread, Linux.Signal.SIGTRAP);
        _ = thread.Store();
        WaitStatus status;
        bool isStopped = false;
        int signal = 0;
        do
        {
            // What stops it first leaves the SIGTRAP of the step pending: the program must not have that.
            thread.NoteRan();
            _ = Ptrace.SingleStep(thread.Id, signal);
            int waited = thread.Wait(out status);
            if (waited < 0 || !status.Stopped)
            {
                throw new ThreadEndedException(thread.Id, waited < 0 ? null : TracedEvent.Of(waited, status));
            }

            thread.Stopped = true;
            isStopped = StopSignals.NoteStop(status, isStopped, out signal);
        }
        while (status.Event == PtraceEvent.Stop || StopSignals.IsAt(status));
        StopSignals.StopAgain(thread, isStopped);
        return status;
    }
}
