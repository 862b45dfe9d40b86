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
        while (waited > 0 && status is { Stopped: true, Event: PtraceEvent.Stop, StopSignal: Signal.SIGTRAP } && HasRaised(thread.Id))
        {
            thread.NoteRan();
            _ = Ptrace.Continue(thread.Id, 0);
            waited = thread.Wait(out status);
        }

        happened = waited > 0 ? TracedEvent.Of(thread.Id, status) : default;
        if (waited > 0 && status.Stopped)
        {
            thread.Stopped = true;
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

    // The kernel stops it for an interrupt before it takes an exception's signal off the queue, which would then tell of registers that the
    // thread has no more: it goes on to that stop, and executes nothing on the way. kernel/signal.c, get_signal.
    private static bool HasRaised(int thread)
    {
        const int most = 8;
        Span<SignalInformation> pending = stackalloc SignalInformation[most];
        foreach (ref readonly SignalInformation information in pending[..Ptrace.PeekSignals(thread, pending)])
        {
            if (information.IsSynchronous && Ptrace.GetSignalMask(thread, out ulong mask) == Errno.None
                && (mask & 1UL << (information.Signal - 1)) == 0)
            {
                return true;
            }
        }

        return false;
    }
}
