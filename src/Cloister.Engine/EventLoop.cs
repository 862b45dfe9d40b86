using Cloister.Engine.Devices;
using Cloister.Engine.Enclaves;
using Cloister.Engine.Observers;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.SystemCalls;
using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>Takes what happens to the program's threads, one after the other, asks the handler whose it is, and does
/// what that answers.</summary>
/// <remarks>Nobody else lets a thread run on that stands for something that happened; what stood for a moment only is handed back by
/// <see cref="RunOn"/>.</remarks>
internal sealed class EventLoop(Tracer tracer)
{
    // How often the end of another thread may come in between, until the thread that an ioctl is for is taken for the one that ended.
    private const int MostAttempts = 100;

    /// <summary>Until all of the program's processes have ended.</summary>
    public void Run()
    {
        while (!IsOver())
        {
            if (tracer.Processes.AreNone)
            {
                if (tracer.Guests.TryEnd())
                {
                    return;
                }

                if (tracer.Untraced?.Any != true)
                {
                    // Nobody is there to wait for.
                    HostKernel.Rest(1000);
                }
            }

            // Whatever a step was about: that a thread ended meanwhile is no reason to end all others.
            tracer.Guard.Run(Step);
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

    // The program was ended by a signal that was sent to Cloister, and whoever sent it means all of it; or nothing is to
    // outlive it. Nothing that is left can be without a tracer.
    private bool IsOver()
    {
        const int milliseconds = 500;
        if (tracer.Root.EndedForAllAt is not { } since)
        {
            return false;
        }

        tracer.Untraced?.EndAll();
        foreach (int process in tracer.Processes.Threads.Select(thread => thread.Process.Id).Distinct())
        {
            _ = HostKernel.Kill(process, Signal.SIGKILL);
        }

        return Environment.TickCount64 - since > milliseconds;
    }

    /// <summary>Answers what happened next, or works on ioctls.</summary>
    public void Step()
    {
        tracer.Root.NoteStep();
        if (tracer.Platform.TryTakeParked(out ProgramEvent happened))
        {
            Handle(happened);
            return;
        }

        if (tracer.Processes.Untold.Any)
        {
            tracer.Processes.Untold.Adopt();
        }

        if (tracer.PowerLoss.IsRequested)
        {
            using (tracer.Gates.Shut(null))
            {
                tracer.PowerLoss.Check();
            }
        }

        if (tracer.Questions.Any)
        {
            using (tracer.Gates.Shut(null))
            {
                tracer.Questions.Answer();
            }
        }

        bool wait = !AdvanceIoctls();
        if (wait && tracer.Driver.Legacy is { BindsToMapping: true } legacy)
        {
            // The worker threads of the drivers before v20 run while no program needs the tracer.
            if (tracer.Platform.TryNext(wait: false, out happened) > 0)
            {
                Handle(happened);
                return;
            }

            tracer.Observer.Working(null);
            using (tracer.Gates.Shut(null))
            {
                wait = !legacy.RunWorkers(RunningIoctls.PagesPerSlice);
            }
        }

        if (tracer.Platform.AnyParked)
        {
            // Met while the ioctls were worked on: the kernel does not tell of it again.
            return;
        }

        bool block = wait && !tracer.Processes.Untold.Any;
        int next = tracer.Platform.TryNext(block, out happened);
        if (next > 0)
        {
            Handle(happened);
        }
        else if (next == 0 && wait)
        {
            HostKernel.Rest(500);
        }
        else if (next < 0 && wait)
        {
            // Everything ended without our hearing of it.
            using (tracer.Gates.Shut(null))
            {
                tracer.Processes.EndAll();
                tracer.Files.CheckLifetimes(null);
            }
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
            tracer.Guard.Run(() =>
            {
                using (tracer.Gates.Shut(null))
                {
                    if (ioctl.Continue(RunningIoctls.PagesPerSlice))
                    {
                        Answer answer = tracer.Ioctls.Finish(ioctl);
                        tracer.Debugger.NoteIoctl(ioctl.Thread);
                        Do(ioctl.Thread, answer);
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

    private void Handle(ProgramEvent happened)
    {
        int id = happened.Thread;
        if (tracer.Processes.Find(id) is not { } thread)
        {
            if (happened.Kind == EventKind.ImageBegan && tracer.Processes.Renamed(id) is { } renamed)
            {
                tracer.Guard.Run(() => Stop(renamed, happened));
            }
            else
            {
                tracer.Processes.Untold.Note(happened);
            }

            return;
        }

        if (happened.Kind == EventKind.Ended)
        {
            tracer.Root.NoteEnd(happened);
            tracer.Observer.Working(thread);
            using (tracer.Gates.Shut(null))
            {
                tracer.Processes.Ended(thread, happened);
                tracer.Files.CheckLifetimes(null);
                tracer.Debugger.NoteEnded(thread, happened);
            }

            return;
        }

        if (tracer.Platform.GoesOn(thread.Held, happened) || tracer.Debugger.Keeps(thread, happened))
        {
            return;
        }

        tracer.Platform.NoteStop(thread.Held, happened);
        int ended = tracer.Guard.Run(() =>
        {
            // With mprotect a change is not at once everybody's: nobody else runs in between.
            using (tracer.Gates.Shut(thread))
            using (thread.Space.Native.ByProtection ? tracer.Interruptions.HoldOthers(thread) : null)
            {
                tracer.Observer.Working(thread);
                Stop(thread, happened);
                tracer.Accepts.Check();
            }
        }, thread);
        if (ended != 0 && ended != id && thread.Stopped && !thread.HasParkedStop && !tracer.Debugger.HasStanding(thread)
            && tracer.Processes.Find(id) == thread && !tracer.Ioctls.Has(thread))
        {
            // It was another's end that the answer met half way: once more, or this one would stand here for ever.
            tracer.Platform.PutBack(thread.Held, happened);
        }
    }

    private void Stop(TracedThread thread, in ProgramEvent happened)
    {
        Count(happened.Kind);
        if (happened.Kind == EventKind.ImageBegan)
        {
            TracedThread image = tracer.Processes.Exec(thread.Process, out Answer begin);
            tracer.Debugger.NoteImage(image);
            Do(image, begin);
            return;
        }

        Do(thread, AnswerTo(thread, happened));
    }

    private void Count(EventKind kind)
    {
        switch (kind)
        {
            case EventKind.SystemCall:
                tracer.Stops.CountSystemCall();
                break;
            case EventKind.Signal or EventKind.SystemCallDone:
                tracer.Stops.CountSignal();
                break;
            default:
                tracer.Stops.CountOther();
                break;
        }
    }

    // Whose an event is.
    private Answer AnswerTo(TracedThread thread, in ProgramEvent happened)
    {
        switch (happened.Kind)
        {
            case EventKind.SystemCall:
                tracer.Accepts.Withdraw();
                tracer.Strict.NoteCall(thread);
                MappingCall? call = MappingCalls.Of(tracer.Observer, tracer.Files, thread);
                Answer answer = tracer.SystemCalls.Handle(thread);
                return call is { } mapping ? MappingCalls.Told(tracer.Observer, thread, mapping, answer) : answer;
            case EventKind.ChildMade:
                tracer.Accepts.Withdraw();
                return tracer.Processes.Child(thread, happened.IsVfork);
            case EventKind.Halted:
                Prepare(thread);
                return Answer.RunOn;
            case EventKind.ProcessStopped:
                Prepare(thread);
                return tracer.Platform.StandStopped(thread.Held, happened) ? Answer.Stand : Answer.RunOn;
            case EventKind.SystemCallDone:
                // Only asked for at a call's begin.
                tracer.Platform.TakeCallEnd(thread.Held)?.Invoke();
                tracer.Debugger.NoteCallDone(thread);
                return Answer.RunOn;
            case EventKind.Signal:
                tracer.Root.NoteSignal(thread, happened.Signal);
                return tracer.PlaceInterrupts.Trap(thread, happened) ?? tracer.FirstVisits.Trap(thread, happened)
                    ?? tracer.Debugger.Trap(thread, happened) ?? tracer.Exceptions.Signal(thread, happened);
            default:
                return Answer.RunOn;
        }
    }

    // The first stop of a new thread.
    private void Prepare(TracedThread thread)
    {
        if (thread.IsNewFork)
        {
            thread.IsNewFork = false;
            tracer.Placement.PrepareFork(thread);
        }
        else if (!thread.IsNewSharer)
        {
            return;
        }

        thread.IsNewSharer = false;
        tracer.Fast.Begin(thread);
    }

    /// <summary>What was decided about a thread becomes so.</summary>
    public void Do(TracedThread thread, Answer answer)
    {
        while (answer.Raises)
        {
            answer = tracer.Signals.Deliver(thread, answer.Exception);
        }

        if (answer.IsMade)
        {
            tracer.Platform.SetResult(thread.Held, answer.Result);
            Resume(thread, 0);
        }
        else if (answer.RunsOn)
        {
            if (answer.Then is { } then)
            {
                tracer.Platform.AtCallEnd(thread.Held, () => then(thread));
            }

            Resume(thread, answer.Signal, answer.IsAgreed);
        }
    }

    // Everything that was decided about the program becomes so, in an order that remote calls do not spoil; then the thread runs.
    private void Resume(TracedThread thread, int signal, bool isAgreed = false)
    {
        if (!isAgreed && tracer.Debugger.Takes(thread, signal == 0 ? Answer.RunOn : Answer.Deliver(signal), signal))
        {
            return;
        }

        // At an ENCLU that the host executes, the kernel's SIGSEGV for a handler that finds no room looks like the ENCLU's own: the thread
        // steps into the handler, which nobody may take away meanwhile, or the step would execute the ENCLU.
        bool isAtEnclu = signal != 0 && thread.Process.IsDeviceUser && tracer.Exits.IsEnclu(thread);
        using IDisposable? others = signal == 0 ? null : isAtEnclu ? tracer.Interruptions.HoldOthers(thread)
            : tracer.Signals.HoldOthers(thread, signal);
        tracer.Platform.BeginResume(thread.Held, signal);
        BringMemory(thread);
        signal = tracer.Platform.EndResume(thread.Held, signal);
        if (signal != 0 && others is not null && (!isAtEnclu || tracer.Platform.HasHandler(thread.Held, signal)))
        {
            if (tracer.Signals.StepIntoHandler(thread, signal))
            {
                Resume(thread, 0);
            }

            return;
        }

        if (signal == 0)
        {
            tracer.Platform.SendDeferred(thread.Held);
        }

        StepInterrupts.HideFlag(thread);
        thread.StepsInside = tracer.Steps.IsAsked;
        tracer.Fast.RunOn(thread, isInterrupted: signal != 0);
        if (signal != 0)
        {
            tracer.Observer.SignalDelivered(thread, signal);
        }

        thread.JustExited = false;
        tracer.Gates.RunOn(thread, signal);
    }

    // What the thread can reach is what the model, the driver and the books say.
    private void BringMemory(TracedThread thread)
    {
        if (thread.AwaitsVfork)
        {
            // It makes no call before its child has released it, and stops there.
            return;
        }

        if (thread.Space.Unmappings.Count > 0)
        {
            tracer.RealMappings.EndAbandoned(thread);
        }

        tracer.Changes.Settle(thread);
        if (tracer.Options.Isolation == IsolationMode.Strict)
        {
            tracer.Strict.Apply(thread);
        }

        if (thread.Space.InElrange.Apply(tracer.Files.All, thread.Space, thread, thread.Processor.EnclaveMode,
            () => tracer.Processes.ShareMemory(thread)))
        {
            tracer.Fast.Deselect(thread);
        }
    }
}
