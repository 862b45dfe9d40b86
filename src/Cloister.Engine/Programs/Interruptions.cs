using Cloister.Architecture;
using Cloister.Engine.Memory;
using Cloister.Linux;

namespace Cloister.Engine.Programs;

/// <summary>Stops threads that run: to hold them for a moment, or to drive them out of an enclave.</summary>
internal sealed class Interruptions(Tracer tracer)
{
    /// <summary>Stops all other threads that share a thread's memory, until disposed. What waits in the kernel stops on its way back.</summary>
    public IDisposable HoldOthers(TracedThread thread) => HoldAll(thread.Space, except: thread);

    /// <summary>Stops all threads of an address space but one, until disposed.</summary>
    public IDisposable HoldAll(AddressSpace space, TracedThread except)
    {
        var held = new List<TracedThread>();
        TracedThread[] others = [.. tracer.Processes.Threads.Where(other => other != except && other.Space == space && CanBeHeld(other))];
        InterruptAll(others);
        foreach (TracedThread other in others)
        {
            if (CanBeHeld(other))
            {
                Hold(other, held);
            }
        }

        return new Held(tracer, held);
    }

    /// <summary>Stops a thread until disposed.</summary>
    public IDisposable Hold(TracedThread thread)
    {
        var held = new List<TracedThread>();
        Hold(thread, held);
        return new Held(tracer, held);
    }

    /// <summary>Drives all threads out of an enclave.</summary>
    public void ForceExits(EpcPage secs)
    {
        TracedThread[] inside = [.. tracer.Processes.Threads.Where(thread => IsInside(thread, secs))];
        InterruptAll(inside);
        foreach (TracedThread thread in inside)
        {
            if (IsInside(thread, secs))
            {
                ForceExit(thread);
            }
        }
    }

    /// <summary>A thread that is just entering, leaving or accepting when the gates shut is stopped for it.</summary>
    public void StopBetween(TracedThread thread)
    {
        if (Stop(thread, out WaitStatus status))
        {
            Answer(thread, status, canRunOn: IsOurs(status));
        }
    }

    // A new thread runs nothing before its first stop was answered, and what prepares it must not be lost.
    private static bool CanBeHeld(TracedThread thread) => !thread.Stopped && !thread.AwaitsVfork && !thread.IsNewFork && !thread.IsNewSharer;

    private static bool IsInside(TracedThread thread, EpcPage secs) => thread.Processor.EnclaveMode && thread.Processor.Secs == secs;

    // Each has to get a core before it stops: all of them wait for that together, and none for another's time slice.
    private static void InterruptAll(TracedThread[] threads)
    {
        if (threads.Length < 2)
        {
            return;
        }

        foreach (TracedThread thread in threads)
        {
            Interrupt(thread);
        }
    }

    private static Errno Interrupt(TracedThread thread)
    {
        if (thread.Stopped)
        {
            return Errno.None;
        }

        // Once more where it was asked for before: a thread that was killed since, and whose end was taken, says so.

        thread.Interrupted = true;
        return Ptrace.Interrupt(thread.Id);
    }

    private void Hold(TracedThread thread, List<TracedThread> held)
    {
        if (!Stop(thread, out WaitStatus status, mayWait: true))
        {
            return;
        }

        if (thread.FastSlot >= 0 && thread.Space.Fast is { } fast)
        {
            // It may have left by itself since the gates were shut, or stand in a stub.
            tracer.Gates.FollowExit(thread);
            fast.FollowEntry(tracer.Machine, thread);
        }

        if (IsOurs(status))
        {
            held.Add(thread);
        }
        else
        {
            tracer.Waits.PutBack(thread, status);
        }
    }

    private void ForceExit(TracedThread thread)
    {
        if (thread.Stopped && !thread.HasParkedStop)
        {
            tracer.Exits.ForInterrupt(thread);
            thread.Space.Fast?.Publish(tracer.Machine, thread);
            return;
        }

        if (!Stop(thread, out WaitStatus status))
        {
            return;
        }

        if (thread.FastSlot >= 0)
        {
            tracer.Gates.FollowExit(thread);
        }

        if (!thread.Processor.EnclaveMode)
        {
            // It has just left by itself; what stopped it is answered as anywhere else.
            tracer.Waits.PutBack(thread, status);
            return;
        }

        // The exit is an interrupt's: an exception whose stop waits to be answered has not happened yet, as far as the enclave is told.
        bool canRunOn = tracer.Exceptions.Interrupted(thread, status);
        thread.Space.Fast?.Publish(tracer.Machine, thread);
        Answer(thread, status, canRunOn);
    }

    // The driver may be in the middle of its work: the thread runs on, or its stop is answered, when that is done.
    private void Answer(TracedThread thread, WaitStatus status, bool canRunOn)
    {
        thread.HasParkedStop = false;
        if (canRunOn)
        {
            tracer.Gates.ResumeLater(thread);
        }
        else
        {
            tracer.Waits.PutBack(thread, status);
        }
    }

    private static bool IsOurs(WaitStatus status) => status is { Event: PtraceEvent.Stop, StopSignal: Signal.SIGTRAP };

    // False when it was killed instead, or waits in the kernel, where that will do.
    private bool Stop(TracedThread thread, out WaitStatus status, bool mayWait = false)
    {
        // A dead thread cannot be interrupted; its end may be parked already.
        int waited = Interrupt(thread) != Errno.None && !tracer.Waits.Has(thread.Id) ? Dead(out status)
            : mayWait ? thread.WaitInterrupted(out status) : thread.Wait(out status);
        while (waited > 0 && status.Stopped && IsOurs(status) && HasRaised(thread.Id))
        {
            thread.NoteRan();
            _ = Ptrace.Continue(thread.Id, 0);
            waited = thread.Wait(out status);
        }

        if (waited > 0 && status.Stopped)
        {
            thread.Stopped = true;
            thread.LeftStub |= thread.Space.Fast?.Stubs.Normalise(thread) ?? false;
            return true;
        }

        if (waited == 0)
        {
            return false;
        }

        // Its end is told now or, of a leader, after its other threads'.
        tracer.Processes.NoteGone(thread);
        if (waited > 0)
        {
            tracer.Waits.PutBack(thread, status);
        }

        return false;
    }

    // The kernel stops it for an interrupt before it takes an exception's signal off the queue, which would then tell of registers that the
    // thread has no more: it goes on to that stop, and executes nothing on the way. kernel/signal.c, get_signal.
    private static bool HasRaised(int thread)
    {
        const int most = 8;
        Span<SignalInformation> pending = stackalloc SignalInformation[most];
        foreach (ref readonly SignalInformation information in pending[..Ptrace.PeekSignals(thread, pending)])
        {
            if (information.IsSynchronous && Ptrace.GetSignalMask(thread, out ulong mask) == Errno.None && (mask & 1UL << (information.Signal - 1)) == 0)
            {
                return true;
            }
        }

        return false;
    }

    private static int Dead(out WaitStatus status)
    {
        status = default;
        return -(int)Errno.ESRCH;
    }

    private sealed class Held(Tracer tracer, List<TracedThread> threads) : IDisposable
    {
        public void Dispose()
        {
            foreach (TracedThread thread in threads)
            {
                tracer.Guard(() => tracer.Loop.RunOn(thread));
            }
        }
    }
}
