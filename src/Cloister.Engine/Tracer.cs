using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine;

/// <summary>Runs a program on the machine: one thread makes all ptrace calls and answers every stop.</summary>
/// <remarks>Nothing is locked: the model, the driver and the books of the engine are touched by this thread only.</remarks>
public sealed class Tracer : IThreadKicker, IDisposable
{
    private readonly EpcmWatcher _watcher;
    private readonly HashSet<string> _notices = [];
    private bool _broken; // a defect showed itself: releasing what there is would only hide it
    private readonly OutsideSignals _outside = new();
    private int _root;
    private long _steps;
    private ulong _relayed; // signals that were passed on to the program; bit n-1 is signal n
    private long? _endingSince;
    private WaitStatus _rootEnd;

    /// <summary>Makes the machine that programs will run on.</summary>
    public Tracer(EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        Epc = new EpcMemory(options.EpcPages);
        MachineOptions machine = HostProcessor.Fit(options.Machine);
        Cpuid = new CpuidEmulator(machine.Capabilities, [(0x70000000, (ulong)Epc.PageCount * 4096)], machine.Cpu);
        Machine = new SgxMachine(machine with { NewMeasurement = () => new Measurement(new HashThread(Cores.UseAllCores), HashThread.Capacity) }, Epc);
        Driver = new SgxDriver(Machine, options.Driver, this);
        _watcher = new EpcmWatcher(Epc);
        Machine.Observer = _watcher;
        Files = new DeviceFiles(this);
        PowerLoss = new PowerLoss(this);
        SystemCalls = new SystemCalls(this);
        Ioctls = new RunningIoctls(this);
        Processes = new Processes(this);
        Untold = new UntoldChildren(this);
        Gates = new Gates(this);
        Interruptions = new Interruptions(this);
        Exceptions = new Exceptions(this);
        Enclu = new EncluStops(this);
        Exits = new AsynchronousExits(this);
        Faults = new PageFaults(this);
        Signals = new SignalDelivery(this);
        RealMappings = new RealMappings(this);
        Accepts = new Accepts(this);
        Illegal = new IllegalCode(this);
    }

    /// <summary>What it was made with.</summary>
    public EngineOptions Options { get; }

    /// <summary>The processor.</summary>
    public SgxMachine Machine { get; }

    /// <summary>The driver.</summary>
    public SgxDriver Driver { get; }

    internal EpcMemory Epc { get; }

    internal CpuidEmulator Cpuid { get; }

    internal DeviceFiles Files { get; }

    internal PowerLoss PowerLoss { get; }

    internal SystemCalls SystemCalls { get; }

    internal Exceptions Exceptions { get; }

    internal Gates Gates { get; }

    internal Interruptions Interruptions { get; }

    internal EncluStops Enclu { get; }

    internal AsynchronousExits Exits { get; }

    internal PageFaults Faults { get; }

    internal SignalDelivery Signals { get; }

    internal Accepts Accepts { get; }

    internal IllegalCode Illegal { get; }

    internal CoreSharing Cores { get; } = new();

    internal Waits Waits { get; } = new();

    internal UntoldChildren Untold { get; }

    internal RealMappings RealMappings { get; }

    internal RunningIoctls Ioctls { get; }

    internal Processes Processes { get; }

    /// <summary>Stops answered, by what they were: for statistics.</summary>
    public StopCounts Stops { get; } = new();

    /// <summary>Runs a program, found by name, to its end, and all it starts. Call once.</summary>
    /// <returns>How the program ended.</returns>
    public ProgramEnd Run(IReadOnlyList<string> command) => Run(ProgramInvocation.Of(command));

    /// <summary>Runs a program to its end, and all it starts. Call once.</summary>
    /// <returns>How the program ended.</returns>
    public ProgramEnd Run(ProgramInvocation program)
    {
        ArgumentNullException.ThrowIfNull(program);
        _root = ProgramStart.Start(this, program);
        try
        {
            while (!Processes.AreNone && !IsOver())
            {
                // Whatever a step was about: that a thread ended meanwhile is no reason to end all others.
                Guard(Step);
            }
        }
        catch
        {
            _broken = true;
            throw;
        }

        return new ProgramEnd(_rootEnd.Exited ? _rootEnd.ExitStatus : null, _rootEnd.Signaled ? _rootEnd.TerminatingSignal : null);
    }

    /// <summary>Hears, once each, what the machine has to do without.</summary>
    public Action<string>? OnNotice { get; set; }

    /// <summary>Sends a signal to the program. May be called by any thread.</summary>
    /// <returns>False when the program has not begun or has ended: what it started may still run.</returns>
    public bool Signal(int signal)
    {
        int root = Volatile.Read(ref _root);

        // A process that has ended and was not waited for yet still takes signals.
        return root != 0 && HostKernel.IsAlive(root) && HostKernel.Kill(root, signal) == Errno.None;
    }

    /// <summary>Passes on a signal that was sent to this process, unless it was sent to the program as well. May be called by any thread.</summary>
    /// <returns>False when the program did not get it: it has not begun or has ended.</returns>
    public bool Relay(int signal)
    {
        int root = Volatile.Read(ref _root);
        if (_outside.HasProgramGot(root, signal))
        {
            return true;
        }

        _ = Interlocked.Or(ref _relayed, 1UL << (signal - 1));
        return Signal(signal) && !IsStuckBefore(root, signal);
    }

    // A tracer that does not get on must not keep a program that the signal would end.
    private bool IsStuckBefore(int root, int signal)
    {
        const int looks = 40, milliseconds = 20;
        long steps = Volatile.Read(ref _steps);
        for (int i = 0; i < looks; i++)
        {
            if (Volatile.Read(ref _steps) != steps || !OutsideSignals.WillEnd(root, signal))
            {
                return false;
            }

            Thread.Sleep(milliseconds);
        }

        return true;
    }

    // The program was ended by a signal that was sent to Cloister: whoever sent it means all of it. Nothing that is left can be without a tracer.
    private bool IsOver()
    {
        const int milliseconds = 500;
        if (_endingSince is not { } since)
        {
            return false;
        }

        foreach (int process in Processes.Threads.Select(thread => thread.Process.Id).Distinct())
        {
            _ = HostKernel.Kill(process, Linux.Signal.SIGKILL);
        }

        return Environment.TickCount64 - since > milliseconds;
    }

    /// <summary>The machine loses power at its next stop, and has it again: the EPC is empty, and every enclave gone. May be called by any thread.</summary>
    public void LosePower() => PowerLoss.Request(Volatile.Read(ref _root));

    /// <inheritdoc/>
    public void ForceExits(EpcPage secs) => Interruptions.ForceExits(secs);

    /// <inheritdoc/>
    public void Dispose()
    {
        Cores.Dispose();
        if (!_broken)
        {
            Files.Dispose();
        }

        Epc.Dispose();
    }

    internal void Notice(string text)
    {
        if (_notices.Add(text))
        {
            OnNotice?.Invoke(text);
        }
    }

    /// <summary>Lets a thread run on, with a signal if it is at a stop that can deliver one.</summary>
    internal void Resume(TracedThread thread, int signal = 0)
    {
        SignalInformation information = default;
        if (signal != 0)
        {
            _ = thread.GetSignal(out information);
        }

        using IDisposable? others = signal != 0 ? Signals.HoldOthers(thread, signal) : null;
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
            RealMappings.EndAbandoned(thread);
        }

        Settle(thread);
        if (Options.Isolation == IsolationMode.Strict)
        {
            StrictView.Apply(this, thread);
        }

        thread.Space.InElrange.Apply(this, thread);
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
            if (Signals.StepIntoHandler(thread, signal))
            {
                Resume(thread);
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

            fast.Publish(Machine, thread);
        }

        Gates.RunOn(thread, signal);
    }

    /// <summary>Brings the real mappings of all address spaces to what the model says, before anything runs on.</summary>
    internal void Settle(TracedThread thread)
    {
        _watcher.Apply(Machine);
        Files.FlushPunches();
        foreach (AddressSpace space in Files.Spaces)
        {
            space.Native.Flush();
        }

        foreach (AddressSpace space in Files.Spaces)
        {
            if (!space.Native.NeedsRemoteCall)
            {
                continue;
            }

            if (space == thread.Space)
            {
                Mappings.RevokeExecution(thread);
            }
            else
            {
                SettleElsewhere(space);
            }
        }
    }

    // In a thread of another address space, best one that is stopped already. One whose stop is not answered yet has no place for calls; where
    // there are only such nobody runs, and each settles when it is resumed.
    private void SettleElsewhere(AddressSpace space)
    {
        foreach (TracedThread agent in Processes.Threads.Where(t => t.Space == space && !t.AwaitsVfork).OrderByDescending(t => t.Stopped).ToArray())
        {
            // That the other program ends meanwhile is no reason to let this thread wait.
            bool done = false;
            Guard(() =>
            {
                using IDisposable? held = agent.Stopped ? null : Interruptions.Hold(agent);
                if (agent.Stopped && !agent.HasParkedStop)
                {
                    Mappings.RevokeExecution(agent);
                    done = true;
                }
            });
            if (done)
            {
                return;
            }
        }
    }

    /// <summary>Puts a stop back that was met while something else was waited for.</summary>
    internal void Requeue(TracedThread thread, WaitStatus status)
    {
        thread.HasParkedStop = true;
        Waits.Park(thread.Id, status);
    }

    /// <summary>Lets a thread execute one instruction; returns its next stop.</summary>
    internal static WaitStatus StepInstruction(TracedThread thread)
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
                throw new ThreadEndedException(thread.Id, waited < 0 ? null : status);
            }

            thread.Stopped = true;
            isStopped = StopSignals.NoteStop(status, isStopped, out signal);
        }
        while (status.Event == PtraceEvent.Stop || signal != 0);
        StopSignals.StopAgain(thread, isStopped);
        return status;
    }

    private void Step()
    {
        Volatile.Write(ref _steps, _steps + 1);
        if (Waits.TryTake(out int parked, out WaitStatus status))
        {
            Handle(parked, status);
            return;
        }

        if (Untold.Any)
        {
            Untold.Adopt();
        }

        if (PowerLoss.IsRequested)
        {
            using (Gates.Shut(null))
            {
                PowerLoss.Check();
            }
        }

        bool wait = !Ioctls.Advance();
        if (wait && Driver.BindsToMapping)
        {
            // The worker threads of the drivers before v20 run while no program needs the tracer.
            int ready = Ptrace.Wait(-1, block: false, out status);
            if (ready > 0)
            {
                Handle(ready, status);
                return;
            }

            using (Gates.Shut(null))
            {
                wait = !Driver.RunWorkers(RunningIoctls.PagesPerSlice);
            }
        }

        if (Waits.Any)
        {
            // Met while the ioctls were worked on: the kernel does not tell of it again.
            return;
        }

        bool block = wait && !Untold.Any;
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
            Processes.EndAll();
        }
    }

    /// <summary>Does something to a thread that may be killed meanwhile; its end is then told later.</summary>
    /// <param name="action">What to do.</param>
    /// <param name="cause">Whose process ends when the host has no memory for it, as the kernel ends one then; without one the error goes on.</param>
    /// <returns>The thread that ended meanwhile, or 0.</returns>
    internal int Guard(Action action, TracedThread? cause = null)
    {
        try
        {
            action();
            return 0;
        }
        catch (ThreadEndedException e)
        {
            if (Processes.Find(e.Thread) is { } thread)
            {
                // Its stop was answered half way: the tables may still have it inside.
                Processes.NoteGone(thread);
            }

            if (e.Status is { } status)
            {
                Waits.Park(e.Thread, status);
            }

            return e.Thread;
        }
        catch (NoMemoryException e) when (cause is not null)
        {
            // Linux, mm/oom_kill.c, oom_kill_process: SIGKILL.
            Notice($"the host has no memory for an enclave ({e.Message}): its program is killed");
            Ioctls.Abandon(cause);
            _ = HostKernel.Kill(cause.Process.Id, Linux.Signal.SIGKILL);
            return 0;
        }
    }

    private void Handle(int id, WaitStatus status)
    {
        if (Processes.Find(id) is not { } thread)
        {
            if (status.Stopped && status.Event == PtraceEvent.Exec && Processes.Renamed(id) is { } renamed)
            {
                Guard(() => Stop(renamed, status));
            }
            else
            {
                Untold.Note(id, status);
            }

            return;
        }

        if (!status.Stopped)
        {
            if (id == _root)
            {
                _rootEnd = status;
                Volatile.Write(ref _root, 0);
                if (status.Signaled && (Interlocked.Read(ref _relayed) & 1UL << (status.TerminatingSignal - 1)) != 0)
                {
                    _endingSince = Environment.TickCount64;
                }
            }

            Processes.Ended(thread, status);
            return;
        }

        thread.Stopped = true;
        thread.HasParkedStop = false;
        thread.AwaitsVfork = false;
        thread.Space.Memory.Thread = id; // this one lives; others may have ended
        Cores.NoteStop(thread);
        int ended = Guard(() =>
        {
            // With mprotect a change is not at once everybody's: nobody else runs in between.
            using (Gates.Shut(thread))
            using (thread.Space.Native.ByProtection ? Interruptions.HoldOthers(thread) : null)
            {
                Stop(thread, status);
                Accepts.Check();
            }
        }, thread);
        if (ended != 0 && ended != id && thread.Stopped && !thread.HasParkedStop && Processes.Find(id) == thread && !Ioctls.Has(thread))
        {
            // It was another's end that the answer met half way: once more, or this one would stand here for ever.
            Requeue(thread, status);
        }
    }

    private void Stop(TracedThread thread, WaitStatus status)
    {
        Stops.Count(status);
        switch (status.Event)
        {
            case PtraceEvent.Seccomp:
                Accepts.Withdraw();
                thread.AtSystemCall = true;
                SystemCalls.Handle(thread);
                break;
            case PtraceEvent.Fork or PtraceEvent.Vfork or PtraceEvent.Clone:
                Accepts.Withdraw();
                Processes.Child(thread, status.Event == PtraceEvent.Vfork);
                break;
            case PtraceEvent.VforkDone:
                Resume(thread);
                break;
            case PtraceEvent.Exec:
                Processes.Exec(thread.Process);
                break;
            case PtraceEvent.Stop:
                if (thread.IsNewFork)
                {
                    thread.IsNewFork = false;
                    Mappings.PrepareFork(this, thread);
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

                GroupStop(thread, status);
                break;
            default:
                if (status.StopSignal == (Linux.Signal.SIGTRAP | 0x80))
                {
                    SystemCallStop(thread);
                }
                else
                {
                    if (thread.Process.Id == _root)
                    {
                        _outside.Note(thread, status.StopSignal);
                    }

                    if (PowerLoss.TakeStop(thread, status.StopSignal))
                    {
                        PowerLoss.Check();
                        Resume(thread);
                        break;
                    }

                    thread.KeepSignal(status);
                    thread.SignalAtStop = thread.StopIsSpent ? 0 : status.StopSignal;
                    Exceptions.Signal(thread, status.StopSignal);
                }

                break;
        }
    }

    private void SystemCallStop(TracedThread thread)
    {
        // Only asked for after a seccomp stop, so this is the return.
        Action<TracedThread>? action = thread.AtSystemCallExit;
        thread.AtSystemCallExit = null;
        action?.Invoke(thread);
        Resume(thread);
    }

    private void GroupStop(TracedThread thread, WaitStatus status)
    {
        if (status.StopSignal is Linux.Signal.SIGSTOP or Linux.Signal.SIGTSTP or Linux.Signal.SIGTTIN or Linux.Signal.SIGTTOU)
        {
            if (!thread.StopIsSpent)
            {
                _ = thread.Store();
                thread.NoteRan();
                _ = Ptrace.Listen(thread.Id);
                return;
            }

            // Calls of ours have ended that stop.
            StopSignals.StopAgain(thread, isStopped: true);
        }

        Resume(thread);
    }
}
