using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Makes traced threads that run stand.</summary>
internal static class Halting
{
    /// <summary>Tells a thread to stop.</summary>
    public static Errno Interrupt(PtraceThread thread)
    {
        if (thread.Stopped || thread.HasEnded)
        {
            return Errno.None;
        }

        // Once more where it was asked for before: a thread that was killed since, and whose end was taken, says so.
        thread.Interrupted = true;
        return Ptrace.Interrupt(thread.Id);
    }

    /// <summary>Stops a thread.</summary>
    public static HaltResult Halt(Waits waits, PtraceThread thread, bool mayWait, out ProgramEvent happened)
    {
        // A dead thread cannot be interrupted; its end may be parked already.
        WaitStatus status = default;
        int waited = Interrupt(thread) != Errno.None && !waits.Has(thread.Id) ? -(int)Errno.ESRCH
            : mayWait ? thread.WaitInterrupted(out status) : thread.Wait(out status);
        while (waited > 0 && TracedEvent.Of(thread.Id, status) is var met && GoesOn(thread, met))
        {
            waited = thread.Wait(out status);
        }

        happened = waited > 0 ? TracedEvent.Of(thread.Id, status) : default;
        if (waited > 0 && status.Stopped)
        {
            thread.Stopped = true;
            NoteStop(thread, happened);
            return HaltResult.Stands;
        }

        if (waited == 0)
        {
            return HaltResult.Waits;
        }

        // Its end is told now or, of a leader, after its other threads'.
        if (waited > 0)
        {
            waits.PutBack(thread, happened);
        }

        return HaltResult.Gone;
    }

    /// <summary>A thread that stands for an interrupt, or with its process, goes on to an exception that it has raised.</summary>
    /// <remarks>The kernel lets it stand for these before it takes the exception's signal off the queue, which would later tell of
    /// registers that the thread has no more. It executes nothing on the way. kernel/signal.c, get_signal.</remarks>
    public static bool GoesOn(PtraceThread thread, in ProgramEvent happened)
    {
        if (happened.Kind is not (EventKind.Halted or EventKind.ProcessStopped) || thread.Changed || !HasRaised(thread.Id))
        {
            return false;
        }

        thread.NoteRan();
        thread.HasParkedStop = false;
        thread.StandsAgain = happened.Kind == EventKind.ProcessStopped;
        thread.Continue(0);
        return true;
    }

    /// <summary>A thread that went on so has come to stand: it will again with its process when that was answered.</summary>
    public static void NoteStop(PtraceThread thread, in ProgramEvent happened)
    {
        StopSignals.StopAgain(thread, thread.StandsAgain && happened.Kind is not (EventKind.Halted or EventKind.ProcessStopped));
        thread.StandsAgain = false;
    }

    private static bool HasRaised(int thread)
    {
        const int most = 8;
        Span<SignalInformation> pending = stackalloc SignalInformation[most];
        for (int from = 0, read = most; read == most; from += read)
        {
            read = Ptrace.PeekSignals(thread, from, pending);
            foreach (ref readonly SignalInformation information in pending[..read])
            {
                if (information.IsSynchronous && Ptrace.GetSignalMask(thread, out ulong mask) == Errno.None
                    && (mask & 1UL << (information.Signal - 1)) == 0)
                {
                    return true;
                }
            }
        }

        return false;
    }
}
