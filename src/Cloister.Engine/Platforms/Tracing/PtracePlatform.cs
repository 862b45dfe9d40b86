using Cloister.Architecture;
using Cloister.Engine.Options;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Holds programs by ptrace: a seccomp filter makes system calls stop, and the kernel tells of signals
/// before it delivers them.</summary>
/// <param name="maskFilter">The seccomp filter of what changes signal masks, for programs whose masks are followed.</param>
internal sealed class PtracePlatform(byte[] maskFilter) : IPlatform
{
    private readonly Waits _waits = new();
    private readonly CoreSharing _cores = new();
    private LateAttachment? _late;
    private int _holder, _waiting; // the thread of this process that holds the program, and again while it waits

    /// <summary>Programs that are not held from their beginning.</summary>
    public LateAttachment Late => _late ??= new LateAttachment(_waits);

    /// <summary>The thread of an id that is about to be held.</summary>
    public PtraceThread Make(int id, HeldProcess process)
    {
        _late?.Note(id, process);
        return new PtraceThread(id, process, _waits, maskFilter);
    }

    /// <inheritdoc/>
    public bool AnyParked => _waits.Any;

    /// <inheritdoc/>
    public Predicate<int>? StaysParked
    {
        get => _waits.Stays;
        set => _waits.Stays = value;
    }

    /// <inheritdoc/>
    public IHeldThread Begin(ProgramInvocation program, byte[] filter, IStartingProgram? waiting, Func<int, HeldProcess> process) =>
        ProgramStart.Start(program, _waits, filter, waiting, id => Make(id, process(id)));

    /// <inheritdoc/>
    public IHeldThread Hold(int id, HeldProcess process)
    {
        PtraceThread thread = Make(id, process);
        process.Held.Add(thread);
        return thread;
    }

    /// <inheritdoc/>
    public void Release(IHeldThread thread)
    {
        _ = thread.Process.Held.Remove(thread);
        _cores.Forget(thread.Id);
        _late?.Forget(thread.Id);
    }

    /// <inheritdoc/>
    public bool TryTakeParked(out ProgramEvent happened) => _waits.TryTake(out happened);

    /// <inheritdoc/>
    public bool TryTakeParked(IHeldThread thread, out ProgramEvent happened) => _waits.TryTake(thread, out happened);

    /// <inheritdoc/>
    public int TryNext(bool wait, out ProgramEvent happened)
    {
        if (wait && _holder == 0)
        {
            _holder = HostKernel.CurrentThread;
        }

        Volatile.Write(ref _waiting, wait ? _holder : 0);
        int id = Ptrace.WaitOnce(-1, wait, out WaitStatus status);
        Volatile.Write(ref _waiting, 0);
        happened = id > 0 ? TracedEvent.Of(id, status) : default;
        return id == -(int)Errno.EINTR ? 0 : Math.Sign(id);
    }

    /// <inheritdoc/>
    public void TakeAll() => _waits.TakeAll();

    /// <inheritdoc/>
    public void Park(in ProgramEvent happened) => _waits.Return(happened);

    /// <inheritdoc/>
    public void PutBack(IHeldThread thread, in ProgramEvent happened)
    {
        Of(thread).KeepSignal(happened);
        _waits.PutBack(thread, happened);
    }

    /// <inheritdoc/>
    public void Wake()
    {
        if (Volatile.Read(ref _waiting) is not 0 and var thread)
        {
            _ = ThreadWake.Send(thread);
        }
    }

    /// <inheritdoc/>
    public bool IsParked(int thread) => _waits.Has(thread);

    /// <inheritdoc/>
    public void ForgetParked(int thread) => _waits.Forget(thread);

    /// <inheritdoc/>
    public void NoteStop(IHeldThread thread, in ProgramEvent happened)
    {
        PtraceThread stopped = Of(thread);
        stopped.Stopped = true;
        stopped.HasParkedStop = false;
        stopped.AwaitsVfork = false;
        stopped.AtSystemCall = happened.Kind == EventKind.SystemCall;
        stopped.IsMakingChild = happened.Kind is EventKind.ChildMade or EventKind.ChildReleased;
        stopped.Process.Memory.Bytes.Thread = thread.Id; // this one lives; others may have ended
        Halting.NoteStop(stopped, happened);
        _cores.NoteStop(thread.Id);
    }

    /// <inheritdoc/>
    public bool GoesOn(IHeldThread thread, in ProgramEvent happened) => !Of(thread).HasEnded && Halting.GoesOn(Of(thread), happened);

    /// <inheritdoc/>
    public bool TryGetTold(int thread, out int id)
    {
        ulong message = 0;
        bool isTold = !_waits.HasEnded(thread) && Ptrace.GetEventMessage(thread, out message) == Errno.None;
        id = (int)message;
        return isTold;
    }

    /// <inheritdoc/>
    public void NoteChild(IHeldThread parent, int child) => _cores.Inherit(parent.Id, child);

    /// <inheritdoc/>
    public void NoteVfork(IHeldThread parent, bool isVfork) => Of(parent).AwaitsVfork = isVfork;

    /// <inheritdoc/>
    public SignalCause CauseOf(IHeldThread thread, in ProgramEvent happened)
    {
        PtraceThread stopped = Living(thread);
        stopped.KeepSignal(happened);
        stopped.SignalAtStop = stopped.StopIsSpent ? 0 : happened.Signal;
        _ = stopped.GetSignal(out SignalInformation information);
        return stopped.Raising is { } raising && raising.Number == happened.Signal && SpentSignals.IsOurs(information) ? SignalCause.Raised
            : SignalCauses.IsCallInside(stopped, happened.Signal, information) ? SignalCause.CallInside
            : !stopped.HandlerHasNoRoom && SignalCauses.IsException(stopped, information) ? SignalCause.Exception : SignalCause.Sent;
    }

    /// <inheritdoc/>
    public ExceptionVector VectorOf(IHeldThread thread, in SignalInformation information) => TrapDecoder.VectorOf(thread, information);

    /// <inheritdoc/>
    public AccessKind AccessOf(IHeldThread thread, ReadOnlySpan<byte> code, ulong address) => TrapDecoder.AccessOf(thread, code, address);

    /// <inheritdoc/>
    public ProgramSignal TakeRaised(IHeldThread thread)
    {
        PtraceThread stopped = Of(thread);
        ProgramSignal raised = stopped.Raising!.Value;
        stopped.Raising = null;
        return raised;
    }

    /// <inheritdoc/>
    public void NoteException(IHeldThread thread, int signal) => ForcedSignals.Note(Of(thread), signal);

    /// <inheritdoc/>
    public void KeepOrder(IHeldThread thread)
    {
        PtraceThread stopped = Living(thread);
        _ = stopped.GetSignal(out SignalInformation information);
        if (stopped.Spent.Exchange(stopped, information, out SignalInformation first))
        {
            stopped.SetSignal(in first);
        }
    }

    /// <inheritdoc/>
    public void NoteMask(IHeldThread thread) => ForcedSignals.NoteMask(Living(thread));

    /// <inheritdoc/>
    public bool MayLoseHandler(IHeldThread thread, int signal) => ForcedSignals.MayLoseHandler(Of(thread), signal);

    /// <inheritdoc/>
    public void PrepareRaise(IHeldThread thread, int signal)
    {
        PtraceThread stopped = Living(thread);

        // First: remote calls would make the stop one that cannot deliver.
        bool isStop = stopped.StoppedAt(signal);
        ForcedSignals.Restore(stopped, signal);
        if (!isStop)
        {
            ForcedSignals.Force(stopped, signal);
            ForcedSignals.RestoreOfAnother(stopped, signal);
        }
    }

    /// <inheritdoc/>
    public Delivery Raise(IHeldThread thread, in ProgramSignal signal)
    {
        PtraceThread stopped = Living(thread);
        if (stopped.SignalAtStop == 0)
        {
            // Not at a stop that can deliver: a signal of ours brings the thread to one.
            stopped.Raising = signal;
            _ = Ptrace.GetSignalMask(thread.Id, out ulong mask);
            _ = Ptrace.SetSignalMask(thread.Id, mask & ~(1UL << (signal.Number - 1)));
            _ = HostKernel.KillThread(thread.Process.Id, thread.Id, signal.Number);
            return Delivery.Later;
        }

        const ulong invalidOpcode = 6;
        SignalInformation information = signal.Information;
        if (information.Address == 0 && signal.Trap == invalidOpcode)
        {
            information.Address = thread.Peek().Rip;
        }

        stopped.SetSignal(in information);
        if (!thread.Process.Actions.IsHandled(signal.Number))
        {
            return Delivery.ByKernel;
        }

        ForcedSignals.NoteDelivery(stopped, signal.Number);

        // In the handler the frame can be given the exception's own numbers.
        if (!StepIntoHandler(thread, signal.Number))
        {
            return Delivery.Interrupted;
        }

        SignalFrame.Write(thread, signal);
        return Delivery.InHandler;
    }

    /// <inheritdoc/>
    public void BeginResume(IHeldThread thread, int signal)
    {
        PtraceThread stopped = Living(thread);
        SignalInformation information = default;
        if (signal != 0)
        {
            _ = stopped.GetSignal(out information);
        }

        stopped.ToDeliver = information;
        bool isOther = signal != 0 && !stopped.StoppedAt(signal);
        if (stopped.Forced != 0)
        {
            ForcedSignals.Restore(stopped, signal);
        }

        if (isOther)
        {
            ForcedSignals.RestoreOfAnother(stopped, signal);
        }

        if (signal != 0)
        {
            ForcedSignals.NoteDelivery(stopped, signal);
        }

        stopped.StopsProcess = StopSignals.Stops(thread, signal);
        stopped.StopsBy = stopped.StopsProcess ? signal : 0;
    }

    /// <inheritdoc/>
    public int EndResume(IHeldThread thread, int signal)
    {
        PtraceThread stopped = Of(thread);
        if (signal != 0 && stopped.SignalAtStop == 0)
        {
            // A remote call has ended the stop that could deliver it: it comes once more, before the thread executes anything.
            if (stopped.StopsBy == signal || !stopped.StopsProcess)
            {
                stopped.Spent.Hold(thread, stopped.ToDeliver);
            }

            signal = 0;
        }

        stopped.StopsBy = 0;
        return signal;
    }

    /// <inheritdoc/>
    public void SendDeferred(IHeldThread thread)
    {
        if (Living(thread).Deferred.TryDequeue(out (int Signal, SignalInformation Information) deferred))
        {
            _ = HostKernel.KillThread(thread.Process.Id, thread.Id, deferred.Signal);
        }
    }

    /// <inheritdoc/>
    public bool HasHandler(IHeldThread thread, int signal) => StopSignals.HasHandler(thread, signal);

    /// <inheritdoc/>
    public bool StepIntoHandler(IHeldThread thread, int signal)
    {
        PtraceThread stopped = Living(thread);
        WriteBack(thread);
        _ = Ptrace.SingleStep(thread.Id, signal);
        int waited = stopped.Wait(out WaitStatus status);
        if (waited < 0 || !status.Stopped)
        {
            throw new ThreadEndedException(thread.Id, waited < 0 ? null : TracedEvent.Of(waited, status));
        }

        stopped.Stopped = true;
        if (status.Event == PtraceEvent.None && status.StopSignal == Signal.SIGTRAP)
        {
            return true;
        }

        // Nothing was executed: the kernel found no room for the handler's frame. kernel/signal.c, signal_setup_done.
        stopped.HandlerHasNoRoom = status is { Event: PtraceEvent.None, StopSignal: Signal.SIGSEGV };
        PutBack(thread, TracedEvent.Of(thread.Id, status));
        return false;
    }

    /// <inheritdoc/>
    public void WriteBack(IHeldThread thread)
    {
        if (!Of(thread).HasEnded)
        {
            _late?.NoteRun(Of(thread));
            _ = Of(thread).Store();
        }

        Of(thread).NoteRan();
    }

    /// <inheritdoc/>
    public void Run(IHeldThread thread, int signal)
    {
        PtraceThread running = Of(thread);
        if (running.HasEnded)
        {
            return;
        }

        ForcedSignals.EndSteps(running);
        running.Continue(signal);
    }

    /// <inheritdoc/>
    public void RunStep(IHeldThread thread, int signal)
    {
        PtraceThread running = Of(thread);
        if (running.HasEnded)
        {
            return;
        }

        if (running.AtSystemCallExit is not null)
        {
            // The call's end comes first, and somebody waits for it.
            Run(thread, signal);
            return;
        }

        ForcedSignals.BeginSteps(running);
        _ = Ptrace.SingleStep(thread.Id, signal);
    }

    /// <inheritdoc/>
    public void AtCallEnd(IHeldThread thread, Action then) => Of(thread).AtSystemCallExit = then;

    /// <inheritdoc/>
    public Action? TakeCallEnd(IHeldThread thread)
    {
        Action? then = Of(thread).AtSystemCallExit;
        Of(thread).AtSystemCallExit = null;
        return then;
    }

    /// <inheritdoc/>
    public void SetResult(IHeldThread thread, long result)
    {
        ref UserRegisters r = ref thread.Registers;
        ulong number = r.OrigRax;
        r.OrigRax = ulong.MaxValue;
        if (CallRestart.IsAsked(result))
        {
            AtCallEnd(thread, () => CallRestart.Leave(thread, number, result));
        }
        else
        {
            r.Rax = unchecked((ulong)result);
        }
    }

    /// <inheritdoc/>
    public bool StandStopped(IHeldThread thread, in ProgramEvent happened)
    {
        if (Living(thread).StopIsSpent)
        {
            // Calls of ours have ended that stop.
            StopSignals.StopAgain(thread, isStopped: true);
            return false;
        }

        WriteBack(thread);
        _ = Ptrace.Listen(thread.Id);
        return true;
    }

    /// <inheritdoc/>
    public void Interrupt(IHeldThread thread) => _ = Halting.Interrupt(Of(thread));

    /// <inheritdoc/>
    public HaltResult Halt(IHeldThread thread, bool mayWait, out ProgramEvent happened) =>
        Halting.Halt(_waits, Of(thread), mayWait, out happened);

    /// <inheritdoc/>
    public ProgramEvent Step(IHeldThread thread)
    {
        ProgramEvent happened = TracedEvent.Of(thread.Id, SingleStep.Run(Living(thread)));
        Of(thread).KeepSignal(happened);
        return happened;
    }

    /// <inheritdoc/>
    public bool WriteBreakpoints(IHeldThread thread) => Of(thread).HasEnded || Of(thread).WriteBreakpoints();

    /// <inheritdoc/>
    public bool IsGone(IHeldThread thread) => Of(thread).HasEnded || Ptrace.GetRegisters(thread.Id, out _) != Errno.None;

    /// <inheritdoc/>
    public void RefuseCalls(IHeldThread thread, ulong start, ulong size) => CallsInside.Refuse(Living(thread), start, size);

    /// <inheritdoc/>
    public void RefuseCallsBy(IHeldThread thread, Func<ulong> flag) => Of(thread).CallsRefusedBy = flag;

    /// <inheritdoc/>
    public Errno MapArea(IHeldThread thread, out string call) => AreaMapping.Map(Living(thread), out call);

    /// <inheritdoc/>
    public void NoteImage(IHeldThread thread) => _cores.NoteExec(thread.Id);

    /// <inheritdoc/>
    public void CopyMask(IHeldThread parent, IHeldThread child) => Of(child).Mask = Of(parent).Mask;

    /// <inheritdoc/>
    public void NoteRuns(IHeldThread thread) => Of(thread).Stopped = false;

    /// <inheritdoc/>
    public void ReleaseAffinity(int thread) => _cores.Release(thread);

    /// <inheritdoc/>
    public void UseAllCores() => _cores.UseAllCores();

    /// <inheritdoc/>
    public void Dispose() => _cores.Dispose();

    private static PtraceThread Of(IHeldThread thread) => (PtraceThread)thread;

    // One whose end was taken while another was waited for has no number any more: a new thread may have it.
    private static PtraceThread Living(IHeldThread thread) => Of(thread).HasEnded ? throw new ThreadEndedException(thread.Id) : Of(thread);
}
