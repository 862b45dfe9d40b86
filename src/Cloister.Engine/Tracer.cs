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
    private readonly HashSet<string> _notices = [];
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
        Gates = new Gates(this);
        Interruptions = new Interruptions(this);
        Exceptions = new Exceptions(this);
        Enclu = new EncluStops(this);
        Exits = new AsynchronousExits(this);
        Faults = new PageFaults(this);
        Signals = new SignalDelivery(this);
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

    internal Gates Gates { get; }

    internal Interruptions Interruptions { get; }

    internal EncluStops Enclu { get; }

    internal AsynchronousExits Exits { get; }

    internal PageFaults Faults { get; }

    internal SignalDelivery Signals { get; }

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
        SignalInformation information = default;
        if (signal != 0)
        {
            _ = Ptrace.GetSignal(thread.Id, out information);
        }

        Settle(thread);
        if (Options.Isolation == IsolationMode.Strict)
        {
            StrictView.Apply(this, thread);
        }

        if (signal != 0 && thread.SignalAtStop == 0)
        {
            // A remote call has ended the stop that could deliver it: it comes once more, before the thread executes anything.
            thread.Redelivered = information;
            _ = HostKernel.KillThread(thread.Process.Id, thread.Id, signal);
            signal = 0;
        }

        if (signal == 0 && thread.Deferred.TryDequeue(out var deferred))
        {
            _ = HostKernel.KillThread(thread.Process.Id, thread.Id, deferred.Signal);
        }

        thread.Space.Fast?.Publish(Machine, thread);
        Gates.RunOn(thread, signal);
    }

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
                    using IDisposable? held = agent.Stopped ? null : Interruptions.Hold(agent);
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

    private void Step()
    {
        if (_parked.TryDequeue(out var parked))
        {
            Handle(parked.Thread, parked.Status);
            return;
        }

        if (PowerLoss.IsRequested)
        {
            using (Gates.Shut(null))
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

            using (Gates.Shut(null))
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
                using (Gates.Shut(null))
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

    /// <summary>Does something to a thread that may be killed meanwhile; its end is then told later.</summary>
    internal void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (ThreadEndedException e)
        {
            if (_threads.TryGetValue(e.Thread, out TracedThread? thread))
            {
                // Its stop was answered half way: the tables may still have it inside.
                NoteGone(thread);
            }

            if (e.Status is { } status)
            {
                _parked.Enqueue((e.Thread, status));
            }
        }
    }

    /// <summary>A thread was killed and executes nothing any more, though its end may not be told yet: it is inside no enclave.</summary>
    internal void NoteGone(TracedThread thread)
    {
        if (thread.Processor.EnclaveMode)
        {
            // Killed inside: an asynchronous exit that nothing resumes.
            thread.Processor.NoteExited(Machine);
        }

        thread.Space.Fast?.Release(thread);
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
            using (Gates.Shut(thread))
            using (thread.Space.ByProtection ? Interruptions.HoldOthers(thread) : null)
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

    private void Ended(TracedThread thread, WaitStatus status)
    {
        if (thread.Id == _root)
        {
            _rootEnd = status;
            Volatile.Write(ref _root, 0);
        }

        using (Gates.Shut(null))
        {
            Drop(thread);
            Files.CheckLifetimes();
        }
    }

    private void Drop(TracedThread thread)
    {
        _threads.Remove(thread.Id);
        Accepts.Forget(thread);
        Cores.Release(thread.Id);
        NoteGone(thread);
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
