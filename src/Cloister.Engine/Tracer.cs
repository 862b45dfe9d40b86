using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine;

/// <summary>Runs a program on the machine: one thread makes all ptrace calls and answers every stop.</summary>
/// <remarks>Nothing is locked: the model, the driver and the books of the engine are touched by this thread only.</remarks>
public sealed class Tracer : IThreadKicker, IDisposable
{
    private const int PagesPerSlice = 64;
    private readonly Dictionary<int, TracedThread> _threads = [];
    private readonly Dictionary<int, WaitStatus> _early = [];
    private readonly List<RunningIoctl> _ioctls = [];
    private readonly Queue<(int Thread, WaitStatus Status)> _parked = [];
    private readonly EpcmWatcher _watcher;
    private readonly List<TracedThread> _between = [];
    private readonly List<Resumption> _resuming = [];
    private readonly HashSet<string> _notices = [];
    private int _gateDepth;
    private bool _broken; // a defect showed itself: releasing what there is would only hide it
    private readonly OutsideSignals _outside = new();
    private int _root;
    private WaitStatus _rootEnd;

    /// <summary>Makes the machine that programs will run on.</summary>
    public Tracer(EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        Epc = new EpcMemory(options.EpcPages);
        Machine = new SgxMachine(options.Machine with { NewMeasurement = static () => new Measurement(new HashThread(), HashThread.Capacity) }, Epc);
        Driver = new SgxDriver(Machine, options.Driver, this);
        _watcher = new EpcmWatcher(Epc);
        Machine.Observer = _watcher;
        Files = new DeviceFiles(this);
        PowerLoss = new PowerLoss(this);
        SystemCalls = new SystemCalls(this);
        Exceptions = new Exceptions(this);
        Accepts = new Accepts(this);
    }

    /// <summary>What it was made with.</summary>
    public EngineOptions Options { get; }

    /// <summary>The processor.</summary>
    public SgxMachine Machine { get; }

    /// <summary>The driver.</summary>
    public SgxDriver Driver { get; }

    internal EpcMemory Epc { get; }

    internal DeviceFiles Files { get; }

    internal PowerLoss PowerLoss { get; }

    internal SystemCalls SystemCalls { get; }

    internal Exceptions Exceptions { get; }

    internal Accepts Accepts { get; }

    internal CoreSharing Cores { get; } = new();

    /// <summary>Whether an ioctl is being worked on in slices.</summary>
    internal bool IsInIoctl => _ioctls.Count > 0;

    internal IEnumerable<TracedThread> Threads => _threads.Values;

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
            while (_threads.Count > 0 || _early.Count > 0)
            {
                Step();
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
        return root != 0 && HostKernel.StatusField(root, "State:") is { } state && !state.StartsWith('Z') && HostKernel.Kill(root, signal) == Errno.None;
    }

    /// <summary>Passes on a signal that was sent to this process, unless it was sent to the program as well. May be called by any thread.</summary>
    /// <returns>False when the program did not get it: it has not begun or has ended.</returns>
    public bool Relay(int signal)
    {
        return _outside.HasProgramGot(Volatile.Read(ref _root), signal) || Signal(signal);
    }

    /// <summary>The machine loses power at its next stop, and has it again: the EPC is empty, and every enclave gone. May be called by any thread.</summary>
    public void LosePower() => PowerLoss.Request(Volatile.Read(ref _root));

    /// <inheritdoc/>
    public void ForceExits(EpcPage secs)
    {
        foreach (TracedThread thread in _threads.Values.ToArray())
        {
            if (thread.Processor.EnclaveMode && thread.Processor.Secs == secs)
            {
                ForceExit(thread);
            }
        }
    }

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

    internal TracedThread Add(int id, TracedProcess process)
    {
        var thread = new TracedThread(id, process);
        _threads.Add(id, thread);
        process.Threads.Add(thread);
        return thread;
    }

    internal void Begin(RunningIoctl ioctl) => _ioctls.Add(ioctl);

    /// <summary>Lets a thread run on, with a signal if it is at a stop that can deliver one.</summary>
    internal void Resume(TracedThread thread, int signal = 0)
    {
        Settle(thread);
        if (Options.Isolation == IsolationMode.Strict)
        {
            StrictView.Apply(this, thread);
        }

        if (signal == 0 && thread.Deferred.TryDequeue(out var deferred))
        {
            _ = HostKernel.KillThread(thread.Process.Id, thread.Id, deferred.Signal);
        }

        thread.Space.Fast?.Publish(Machine, thread);
        _ = _resuming.RemoveAll(other => other.Thread == thread);
        _resuming.Add(new Resumption(thread, signal, WatchesExit: thread.AtSystemCallExit is not null));
        if (_gateDepth == 0)
        {
            RunResumed();
        }
    }

    // They run on when the gates are open again: sooner, their next entry would find them shut and stop.
    private void RunResumed()
    {
        foreach (Resumption resumed in _resuming)
        {
            _ = resumed.Thread.Store();
            resumed.Thread.NoteRan();
        }

        foreach (AddressSpace space in Files.Spaces)
        {
            space.Fast?.Open();
        }

        foreach (Resumption resumed in _resuming)
        {
            _ = resumed.WatchesExit ? Ptrace.ContinueToSyscall(resumed.Thread.Id, resumed.Signal) : Ptrace.Continue(resumed.Thread.Id, resumed.Signal);
        }

        _resuming.Clear();
    }

    private readonly record struct Resumption(TracedThread Thread, int Signal, bool WatchesExit);

    /// <summary>Brings the real mappings of all address spaces to what the model says, before anything runs on.</summary>
    internal void Settle(TracedThread thread)
    {
        _watcher.Apply(Machine);
        Files.FlushPunches();
        foreach (AddressSpace space in Files.Spaces)
        {
            space.Flush();
        }

        foreach (AddressSpace space in Files.Spaces)
        {
            if (!space.NeedsRemoteCall)
            {
                continue;
            }

            if (space == thread.Space)
            {
                Mappings.RevokeExecution(thread);
            }
            else if (Agent(space) is { } agent)
            {
                // That the other program ends meanwhile is no reason to let this thread wait.
                Guard(() =>
                {
                    using IDisposable? held = agent.Stopped ? null : HoldOne(agent);
                    Mappings.RevokeExecution(agent);
                });
            }
        }
    }

    // A thread of another address space, to make calls in: best one that is stopped already.
    private TracedThread? Agent(AddressSpace space)
    {
        TracedThread? any = null;
        foreach (TracedThread thread in _threads.Values)
        {
            if (thread.Space == space && (any is null || thread.Stopped))
            {
                any = thread;
            }
        }

        return any;
    }

    /// <summary>Puts a stop back that was met while something else was waited for.</summary>
    internal void Requeue(TracedThread thread, WaitStatus status) => _parked.Enqueue((thread.Id, status));

    /// <summary>Lets a thread execute one instruction; returns its next stop.</summary>
    internal static WaitStatus StepInstruction(TracedThread thread)
    {
        _ = thread.Store();
        thread.NoteRan();
        _ = Ptrace.SingleStep(thread.Id, 0);
        int waited = thread.Wait(out WaitStatus status);
        if (waited < 0 || !status.Stopped)
        {
            throw new ThreadEndedException(thread.Id, waited < 0 ? null : status);
        }

        thread.Stopped = true;
        return status;
    }

    /// <summary>Stops all other threads that share a thread's memory, until disposed.</summary>
    internal IDisposable HoldOthers(TracedThread thread)
    {
        var held = new List<TracedThread>();
        foreach (TracedThread other in _threads.Values.ToArray())
        {
            if (other != thread && other.Space == thread.Space && !other.Stopped && !other.AwaitsVfork)
            {
                Hold(other, held);
            }
        }

        return new Held(this, held);
    }

    private Held HoldOne(TracedThread thread)
    {
        var held = new List<TracedThread>();
        Hold(thread, held);
        return new Held(this, held);
    }

    private void Hold(TracedThread thread, List<TracedThread> held)
    {
        _ = Ptrace.Interrupt(thread.Id);
        int waited = thread.Wait(out WaitStatus status);
        if (waited <= 0 || !status.Stopped)
        {
            Dies(thread, waited, status);
            return;
        }

        thread.Stopped = true;
        if (thread.FastSlot >= 0 && thread.Space.Fast is { } fast)
        {
            // It may have left by itself since the gates were shut, or stand in a stub.
            thread.LeftStub |= fast.Normalise(thread);
            fast.FollowExit(Machine, thread);
            fast.FollowEntry(Machine, thread);
        }

        if (status is { Event: PtraceEvent.Stop, StopSignal: Linux.Signal.SIGTRAP })
        {
            held.Add(thread);
        }
        else
        {
            _parked.Enqueue((thread.Id, status));
        }
    }

    /// <summary>A new address space is in use by one more process.</summary>
    internal static void Use(AddressSpace space) => space.Users++;

    /// <summary>A process has left an address space.</summary>
    internal void Leave(AddressSpace space)
    {
        if (--space.Users == 0)
        {
            Driver.AddressSpaceReleased(space);
            Files.Forget(space);
            space.Dispose();
        }
    }

    private sealed class Held(Tracer tracer, List<TracedThread> threads) : IDisposable
    {
        public void Dispose()
        {
            foreach (TracedThread thread in threads)
            {
                tracer.Guard(() => tracer.Resume(thread));
            }
        }
    }

    private void Step()
    {
        if (_parked.TryDequeue(out var parked))
        {
            Handle(parked.Thread, parked.Status);
            return;
        }

        if (PowerLoss.IsRequested)
        {
            using (ShutGates(null))
            {
                PowerLoss.Check();
            }
        }

        bool wait = !AdvanceIoctls();
        if (wait && Driver.BindsToMapping)
        {
            // The worker threads of the drivers before v20 run while no program needs the tracer.
            int ready = Ptrace.Wait(-1, block: false, out WaitStatus early);
            if (ready > 0)
            {
                Handle(ready, early);
                return;
            }

            using (ShutGates(null))
            {
                wait = !Driver.RunWorkers(PagesPerSlice);
            }
        }

        int id = Ptrace.Wait(-1, block: wait, out WaitStatus status);
        if (id > 0)
        {
            Handle(id, status);
        }
        else if (id < 0 && _threads.Count > 0 && wait)
        {
            // ECHILD: everything ended without our hearing of it.
            foreach (TracedThread thread in _threads.Values.ToArray())
            {
                Ended(thread, default);
            }

            _early.Clear();
        }
    }

    // True when one is not done yet.
    private bool AdvanceIoctls()
    {
        bool busy = false;
        for (int i = _ioctls.Count - 1; i >= 0; i--)
        {
            RunningIoctl ioctl = _ioctls[i];
            Guard(() =>
            {
                using (ShutGates(null))
                {
                    if (ioctl.Continue(PagesPerSlice))
                    {
                        _ioctls.Remove(ioctl);
                        ioctl.Finish(this);
                    }
                    else
                    {
                        // Whoever comes in before the next slice must find what this one did.
                        Settle(ioctl.Thread);
                        busy = true;
                    }
                }
            });
        }

        return busy;
    }

    /// <summary>Brings every ioctl under way to its end, early where a signal would end it.</summary>
    internal void FinishIoctls()
    {
        foreach (RunningIoctl ioctl in _ioctls)
        {
            ioctl.Interrupt();
        }

        while (AdvanceIoctls())
        {
        }
    }

    // While gates are shut nobody enters an enclave by itself, and the model knows who is inside.
    private GateScope ShutGates(TracedThread? stopped)
    {
        var scope = new GateScope(this);
        if (_gateDepth++ > 0 || !Files.Spaces.Any(space => space.Fast is not null))
        {
            return scope;
        }

        foreach (AddressSpace space in Files.Spaces)
        {
            space.Fast?.Shut();
        }

        if (stopped is not null)
        {
            stopped.LeftStub |= stopped.Space.Fast?.Normalise(stopped) ?? false;
        }

        TracedThread[] users = [.. _threads.Values.Where(t => t.FastSlot >= 0 && t.Space.Fast is not null)];
        foreach (TracedThread thread in users)
        {
            if (!thread.Stopped && thread.Space.Fast!.IsBetween(thread))
            {
                StopBetween(thread);
            }

            thread.Space.Fast!.FollowExit(Machine, thread);
        }

        foreach (TracedThread thread in users)
        {
            thread.Space.Fast!.FollowEntry(Machine, thread);
            Accepts.Follow(thread);
        }

        return scope;
    }

    private void OpenGates()
    {
        if (_gateDepth == 1)
        {
            foreach (TracedThread thread in _between.ToArray())
            {
                Guard(() => Resume(thread));
            }

            _between.Clear();
            RunResumed();
        }

        _gateDepth--;
    }

    private void StopBetween(TracedThread thread)
    {
        _ = Ptrace.Interrupt(thread.Id);
        int waited = thread.Wait(out WaitStatus status);
        if (waited <= 0 || !status.Stopped)
        {
            Dies(thread, waited, status);
            return;
        }

        thread.Stopped = true;
        thread.LeftStub |= thread.Space.Fast!.Normalise(thread);
        if (status is { Event: PtraceEvent.Stop, StopSignal: Linux.Signal.SIGTRAP })
        {
            _between.Add(thread);
        }
        else
        {
            _parked.Enqueue((thread.Id, status));
        }
    }

    private readonly struct GateScope(Tracer tracer) : IDisposable
    {
        public void Dispose() => tracer.OpenGates();
    }

    private void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (ThreadEndedException e)
        {
            if (e.Status is { } status)
            {
                _parked.Enqueue((e.Thread, status));
            }
        }
    }

    private void Handle(int id, WaitStatus status)
    {
        if (!_threads.TryGetValue(id, out TracedThread? thread))
        {
            if (status.Stopped && status.Event == PtraceEvent.Exec && Renamed(id) is { } renamed)
            {
                Guard(() => Stop(renamed, status));
            }
            else if (status.Stopped)
            {
                // A child's first stop can come before its parent's event.
                _early[id] = status;
            }

            return;
        }

        if (!status.Stopped)
        {
            Ended(thread, status);
            return;
        }

        thread.Stopped = true;
        thread.AwaitsVfork = false;
        Cores.NoteStop(thread);
        Guard(() =>
        {
            // With mprotect a change is not at once everybody's: nobody else runs in between.
            using (ShutGates(thread))
            using (thread.Space.ByProtection ? HoldOthers(thread) : null)
            {
                Stop(thread, status);
                Accepts.Check();
            }
        });
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
                Child(thread, status.Event == PtraceEvent.Vfork);
                break;
            case PtraceEvent.VforkDone:
                Resume(thread);
                break;
            case PtraceEvent.Exec:
                Exec(thread);
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

                    thread.SignalAtStop = status.StopSignal;
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
            _ = thread.Store();
            thread.NoteRan();
            _ = Ptrace.Listen(thread.Id);
            return;
        }

        Resume(thread);
    }

    private void Child(TracedThread parent, bool isVfork)
    {
        _ = Ptrace.GetEventMessage(parent.Id, out ulong message);
        int id = (int)message;
        TracedProcess process = ProcessOf(id, parent, out AddressSpace? copied);
        TracedThread child = Add(id, process);
        Cores.Inherit(parent, id);
        if (copied is not null)
        {
            Use(copied);
        }
        else if (process != parent.Process)
        {
            Use(process.Space);
        }

        child.Stopped = false;
        if (_early.Remove(id, out WaitStatus early))
        {
            _parked.Enqueue((id, early));
        }

        // It does not stop, and runs nothing, until the child execs or ends.
        parent.AwaitsVfork = isVfork;
        child.IsNewFork = copied is not null;
        child.IsNewSharer = copied is null;
        child.ForkedFrom = copied is null ? null : parent.Space.Fast;
        child.ForkedSlot = parent.FastSlot;
        Resume(parent);
    }

    private TracedProcess ProcessOf(int id, TracedThread parent, out AddressSpace? copied)
    {
        copied = null;
        if (HostKernel.ThreadGroup(id) == parent.Process.Id)
        {
            return parent.Process;
        }

        // Without kcmp the children that share memory are those of vfork, and they share it until they exec.
        bool shares = HostKernel.SharesMemory(parent.Process.Id, id) ?? false;
        AddressSpace space = parent.Space;
        if (!shares)
        {
            copied = space = Files.Copy(parent.Space, id);
        }

        return new TracedProcess(id, space) { Handlers = new(parent.Process.Handlers) };
    }

    private void Exec(TracedThread thread)
    {
        // The other threads are gone, and this one has the id of the leader now.
        TracedProcess process = thread.Process;
        foreach (TracedThread other in process.Threads.ToArray())
        {
            if (other != thread)
            {
                Drop(other);
            }
        }

        if (thread.Processor.EnclaveMode)
        {
            thread.Processor.NoteExited(Machine);
        }

        thread.Space.Fast?.Release(thread);
        thread.FastSlot = -1;
        AddressSpace old = process.Space;
        process.Space = new AddressSpace(Machine, process.Id);
        process.Handlers.Clear();
        Use(process.Space);
        Leave(old);
        Files.CheckLifetimes();
        bool fast = Options.Mode == EngineMode.Fast;
        thread.AtSystemCallExit = t => ExecSetup.Prepare(t, fast);
        Resume(thread);
    }

    // A thread that execs takes the id of a leader that had ended before.
    private TracedThread? Renamed(int leader)
    {
        _ = Ptrace.GetEventMessage(leader, out ulong former);
        if (!_threads.Remove((int)former, out TracedThread? thread))
        {
            return null;
        }

        _ = thread.Process.Threads.Remove(thread);
        return Add(leader, thread.Process);
    }

    // It was to stop and was killed instead: it is inside no more, and its end is told now or, of a leader, after its other threads'.
    private void Dies(TracedThread thread, int waited, WaitStatus status)
    {
        if (thread.Processor.EnclaveMode)
        {
            thread.Processor.NoteExited(Machine);
        }

        thread.Space.Fast?.Release(thread);
        if (waited > 0)
        {
            _parked.Enqueue((thread.Id, status));
        }
    }

    private void ForceExit(TracedThread thread)
    {
        if (!thread.Stopped)
        {
            _ = Ptrace.Interrupt(thread.Id);
            int waited = thread.Wait(out WaitStatus status);
            if (waited <= 0 || !status.Stopped)
            {
                Dies(thread, waited, status);
                return;
            }

            thread.Stopped = true;
            thread.LeftStub |= thread.Space.Fast?.Normalise(thread) ?? false;
            if (thread.FastSlot >= 0)
            {
                thread.Space.Fast?.FollowExit(Machine, thread);
            }

            if (!thread.Processor.EnclaveMode)
            {
                // It has just left by itself; what stopped it is answered as anywhere else.
                _parked.Enqueue((thread.Id, status));
                return;
            }

            bool canRunOn = Exceptions.Interrupted(thread, status);
            thread.Space.Fast?.Publish(Machine, thread);

            // The driver is in the middle of its work: the thread runs on, or its stop is answered, when that is done.
            if (canRunOn)
            {
                _between.Add(thread);
            }
            else
            {
                _parked.Enqueue((thread.Id, status));
            }

            return;
        }

        Exceptions.ExitForInterrupt(thread);
        thread.Space.Fast?.Publish(Machine, thread);
    }

    private void Ended(TracedThread thread, WaitStatus status)
    {
        if (thread.Id == _root)
        {
            _rootEnd = status;
            Volatile.Write(ref _root, 0);
        }

        using (ShutGates(null))
        {
            Drop(thread);
        }

        Files.CheckLifetimes();
    }

    private void Drop(TracedThread thread)
    {
        _threads.Remove(thread.Id);
        Accepts.Forget(thread);
        Cores.Release(thread.Id);
        if (thread.Processor.EnclaveMode)
        {
            // Killed inside: an asynchronous exit that nothing resumes.
            thread.Processor.NoteExited(Machine);
        }

        thread.Space.Fast?.Release(thread);
        for (int i = _ioctls.Count - 1; i >= 0; i--)
        {
            if (_ioctls[i].Thread == thread)
            {
                _ioctls[i].Abandon();
                _ioctls.RemoveAt(i);
            }
        }

        TracedProcess process = thread.Process;
        _ = process.Threads.Remove(thread);
        if (process.Threads.Count == 0 && !_threads.ContainsKey(process.Id))
        {
            Leave(process.Space);
        }
    }
}
