using Cloister.Engine.Devices;
using Cloister.Engine.Enclaves;
using Cloister.Engine.Observers;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.Programs;
using Cloister.Engine.SystemCalls;
using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>Takes what happens to the program's threads, one after the other, asks the handler whose it is, and does what that answers.</summary>
/// <remarks>Nobody else lets a thread run on that stands for something that happened; what stood for a moment only is handed back by <see cref="RunOn"/>.</remarks>
internal sealed class EventLoop(Tracer tracer)
{
    // How often the end of another thread may come in between, until the thread that an ioctl is for is taken for the one that ended.
    private const int MostAttempts = 100;

    /// <summary>Until all of the program's processes have ended.</summary>
    public void Run()
    {
        while (!tracer.Processes.AreNone && !IsOver())
        {
            // Whatever a step was about: that a thread ended meanwhile is no reason to end all others.
            tracer.Guard(Step);
        }
    }

    /// <summary>A thread that was held runs on.</summary>
    public void RunOn(TracedThread thread) => Do(thread, Answer.RunOn);

    /// <summary>Brings every ioctl to its end, early where a signal would end it.</summary>
    public void FinishIoctls()
    {
        tracer.Ioctls.Interrupt();
        while (AdvanceIoctls())
        {
        }
    }

    // The program was ended by a signal that was sent to Cloister: whoever sent it means all of it. Nothing that is left can be without a tracer.
    private bool IsOver()
    {
        const int milliseconds = 500;
        if (tracer.Root.EndedForAllAt is not { } since)
        {
            return false;
        }

        foreach (int process in tracer.Processes.Threads.Select(thread => thread.Process.Id).Distinct())
        {
            _ = HostKernel.Kill(process, Signal.SIGKILL);
        }

        return Environment.TickCount64 - since > milliseconds;
    }

    private void Step()
    {
        tracer.Root.NoteStep();
        if (tracer.Waits.TryTake(out int parked, out WaitStatus status))
        {
            Handle(parked, status);
            return;
        }

        if (tracer.Untold.Any)
        {
            tracer.Untold.Adopt();
        }

        if (tracer.PowerLoss.IsRequested)
        {
            using (tracer.Gates.Shut(null))
            {
                tracer.PowerLoss.Check();
            }
        }

        bool wait = !AdvanceIoctls();
        if (wait && tracer.Driver.BindsToMapping)
        {
            // The worker threads of the drivers before v20 run while no program needs the tracer.
            int ready = Ptrace.Wait(-1, block: false, out status);
            if (ready > 0)
            {
                Handle(ready, status);
                return;
            }

            tracer.Observer.Working(null);
            using (tracer.Gates.Shut(null))
            {
                wait = !tracer.Driver.RunWorkers(RunningIoctls.PagesPerSlice);
            }
        }

        if (tracer.Waits.Any)
        {
            // Met while the ioctls were worked on: the kernel does not tell of it again.
            return;
        }

        bool block = wait && !tracer.Untold.Any;
        int id = Ptrace.Wait(-1, block, out status);
        if (id > 0)
        {
            Handle(id, status);
        }
        else if (id == 0 && wait)
        {
            HostKernel.Rest(500);
        }
        else if (id < 0 && wait)
        {
            // ECHILD: everything ended without our hearing of it.
            tracer.Processes.EndAll();
        }
    }

    // A slice of each; true when one is not done yet, or met the end of another thread and is tried again.
    private bool AdvanceIoctls()
    {
        foreach (RunningIoctl ioctl in tracer.Ioctls.All)
        {
            if (!tracer.Ioctls.Has(ioctl))
            {
                // Abandoned meanwhile.
                continue;
            }

            bool survived = false;
            tracer.Observer.Working(ioctl.Thread);
            tracer.Guard(() =>
            {
                using (tracer.Gates.Shut(null))
                {
                    if (ioctl.Continue(RunningIoctls.PagesPerSlice))
                    {
                        Do(ioctl.Thread, tracer.Ioctls.Finish(ioctl));
                    }
                    else
                    {
                        // Whoever comes in before the next slice must find what this one did.
                        tracer.Changes.Settle(ioctl.Thread);
                    }
                }

                survived = true;
            }, ioctl.Thread);
            if (!survived && ++ioctl.Attempts > MostAttempts)
            {
                // Its own thread's end, which is told later.
                tracer.Ioctls.Abandon(ioctl.Thread);
            }
        }

        return tracer.Ioctls.Any;
    }

    private void Handle(int id, WaitStatus status)
    {
        if (tracer.Processes.Find(id) is not { } thread)
        {
            if (status.Stopped && status.Event == PtraceEvent.Exec && tracer.Processes.Renamed(id) is { } renamed)
            {
                tracer.Guard(() => Stop(renamed, status));
            }
            else
            {
                tracer.Untold.Note(id, status);
            }

            return;
        }

        if (!status.Stopped)
        {
            tracer.Root.NoteEnd(id, status);
            tracer.Processes.Ended(thread, status);
            return;
        }

        thread.Stopped = true;
        thread.HasParkedStop = false;
        thread.AwaitsVfork = false;
        thread.Space.Memory.Thread = id; // this one lives; others may have ended
        tracer.Cores.NoteStop(thread);
        int ended = tracer.Guard(() =>
        {
            // With mprotect a change is not at once everybody's: nobody else runs in between.
            using (tracer.Gates.Shut(thread))
            using (thread.Space.Native.ByProtection ? tracer.Interruptions.HoldOthers(thread) : null)
            {
                tracer.Observer.Working(thread);
                Stop(thread, status);
                tracer.Accepts.Check();
            }
        }, thread);
        if (ended != 0 && ended != id && thread.Stopped && !thread.HasParkedStop && tracer.Processes.Find(id) == thread && !tracer.Ioctls.Has(thread))
        {
            // It was another's end that the answer met half way: once more, or this one would stand here for ever.
            tracer.Waits.PutBack(thread, status);
        }
    }

    private void Stop(TracedThread thread, WaitStatus status)
    {
        tracer.Stops.Count(status);
        if (status.Event == PtraceEvent.Exec)
        {
            TracedThread image = tracer.Processes.Exec(thread.Process, out Answer begin);
            Do(image, begin);
            return;
        }

        Do(thread, AnswerTo(thread, status));
    }

    // Which handler's a stop is. ptrace(2), "Stopped states".
    private Answer AnswerTo(TracedThread thread, WaitStatus status)
    {
        switch (status.Event)
        {
            case PtraceEvent.Seccomp:
                tracer.Accepts.Withdraw();
                thread.AtSystemCall = true;
                MappingCall? call = MappingCalls.Of(tracer.Observer, tracer.Files, thread);
                Answer answer = tracer.SystemCalls.Handle(thread);
                return call is { } mapping ? MappingCalls.Told(tracer.Observer, thread, mapping, answer) : answer;
            case PtraceEvent.Fork or PtraceEvent.Vfork or PtraceEvent.Clone:
                tracer.Accepts.Withdraw();
                return tracer.Processes.Child(thread, status.Event == PtraceEvent.Vfork);
            case PtraceEvent.VforkDone:
                return Answer.RunOn;
            case PtraceEvent.Stop:
                Prepare(thread);
                return GroupStop(thread, status);
            case PtraceEvent.None when status.StopSignal == (Signal.SIGTRAP | 0x80):
                return SystemCallEnd(thread);
            default:
                tracer.Root.NoteSignal(thread, status.StopSignal);
                if (tracer.PowerLoss.TakeStop(thread, status.StopSignal))
                {
                    tracer.PowerLoss.Check();
                    return Answer.RunOn;
                }

                thread.KeepSignal(status);
                thread.SignalAtStop = thread.StopIsSpent ? 0 : status.StopSignal;
                return tracer.Exceptions.Signal(thread, status.StopSignal);
        }
    }

    // The first stop of a new thread.
    private void Prepare(TracedThread thread)
    {
        if (thread.IsNewFork)
        {
            thread.IsNewFork = false;
            Mappings.PrepareFork(tracer, thread);
        }
        else if (thread.IsNewSharer)
        {
            // Its parent's selector names its parent's slot.
            thread.IsNewSharer = false;
            if (thread.Space.Fast is not null)
            {
                thread.Registers.Es = 0;
            }
        }
    }

    // A thread of a process that is stopped stays stopped, until SIGCONT.
    private static Answer GroupStop(TracedThread thread, WaitStatus status)
    {
        if (!StopSignals.MayStop(status.StopSignal))
        {
            return Answer.RunOn;
        }

        if (thread.StopIsSpent)
        {
            // Calls of ours have ended that stop.
            StopSignals.StopAgain(thread, isStopped: true);
            return Answer.RunOn;
        }

        _ = thread.Store();
        thread.NoteRan();
        _ = Ptrace.Listen(thread.Id);
        return Answer.Stand;
    }

    // Only asked for at a call's begin.
    private static Answer SystemCallEnd(TracedThread thread)
    {
        Action<TracedThread>? then = thread.AtSystemCallExit;
        thread.AtSystemCallExit = null;
        then?.Invoke(thread);
        return Answer.RunOn;
    }

    private void Do(TracedThread thread, Answer answer)
    {
        while (answer.Raises)
        {
            answer = tracer.Signals.Deliver(thread, answer.Exception);
        }

        if (answer.IsMade)
        {
            ref UserRegisters r = ref thread.Registers;
            (ulong number, long result) = (r.OrigRax, answer.Result);
            r.OrigRax = ulong.MaxValue;
            if (CallRestart.IsAsked(result))
            {
                thread.AtSystemCallExit = t => CallRestart.Leave(t, number, result);
            }
            else
            {
                r.Rax = unchecked((ulong)result);
            }

            Resume(thread, 0);
        }
        else if (answer.RunsOn)
        {
            thread.AtSystemCallExit = answer.Then ?? thread.AtSystemCallExit;
            Resume(thread, answer.Signal);
        }
    }

    private void Resume(TracedThread thread, int signal)
    {
        SignalInformation information = default;
        if (signal != 0)
        {
            _ = thread.GetSignal(out information);
        }

        using IDisposable? others = signal != 0 ? tracer.Signals.HoldOthers(thread, signal) : null;
        if (thread.Forced != 0)
        {
            ForcedSignals.Restore(thread, signal);
        }

        if (signal != 0)
        {
            ForcedSignals.NoteDelivery(thread, signal);
        }

        bool isStop = StopSignals.Stops(thread, signal);
        thread.StopsBy = isStop ? signal : 0;
        if (thread.Space.Unmappings.Count > 0)
        {
            tracer.RealMappings.EndAbandoned(thread);
        }

        tracer.Changes.Settle(thread);
        if (tracer.Options.Isolation == IsolationMode.Strict)
        {
            StrictView.Apply(tracer.Processes.Threads, thread);
        }

        thread.Space.InElrange.Apply(tracer.Files.All, thread, () => tracer.Processes.ShareMemory(thread));
        if (signal != 0 && thread.SignalAtStop == 0)
        {
            // A remote call has ended the stop that could deliver it: it comes once more, before the thread executes anything.
            if (thread.StopsBy == signal || !isStop)
            {
                thread.Spent.Hold(thread, information);
            }

            signal = 0;
        }

        thread.StopsBy = 0;
        if (signal != 0 && others is not null)
        {
            if (tracer.Signals.StepIntoHandler(thread, signal))
            {
                Resume(thread, 0);
            }

            return;
        }

        if (signal == 0 && thread.Deferred.TryDequeue(out var deferred))
        {
            _ = HostKernel.KillThread(thread.Process.Id, thread.Id, deferred.Signal);
        }

        if (thread.Space.Fast is { } fast)
        {
            if (signal == 0 && !thread.LeftStub && thread.FastSlot >= 0 && thread.Space.Vdso is { } vdso && !thread.Processor.EnclaveMode
                && vdso.Continuation(thread.Peek().Rip) is var continuation && continuation != thread.Peek().Rip)
            {
                thread.Registers.Rip = continuation;
            }

            fast.Publish(tracer.Machine, thread);
        }

        if (signal != 0)
        {
            tracer.Observer.SignalDelivered(thread, signal);
        }

        tracer.Gates.RunOn(thread, signal);
    }
}
