using Cloister.Driver;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Debugging;

/// <summary>Which threads of a debugged process stand and which run, and what stops them: asked by the loop before it does
/// something.</summary>
internal sealed class DebugControl
{
    // Code that is made at run time has no names, and each piece of it would be a stop.
    private const int MostUnknown = 256;

    private readonly Debugger _debugger;
    private readonly Action<DebugStop> _stopped;
    private readonly Dictionary<TracedThread, Answer> _standing = [];
    private readonly HashSet<TracedThread> _let = []; // they get the signal that their answer has
    private readonly Dictionary<TracedThread, DebugStopKind> _toStop = [];
    private readonly HashSet<TracedThread> _chosen = []; // they run, or all but these
    private readonly HashSet<IOpenEnclave> _told = []; // that have been initialized
    private bool _runsAll = true;
    private int _unknownLeft = MostUnknown;
    private TracedThread? _image; // it executes a program

    public DebugControl(Debugger debugger, TracedProcess process, Action<DebugStop> stopped)
    {
        (_debugger, Process, _stopped) = (debugger, process, stopped);
        (Memory, Registers) = debugger.Look(process.Space);
        _told.UnionWith(process.Space.Mappings.All.Select(mapping => mapping.File.Enclave).OfType<IOpenEnclave>()
            .Where(one => one.IsInitialized));
        process.Space.IsDebugged = true;
        Debugged = new DebuggedProcess(this);
    }

    /// <summary>What the debugger has of it.</summary>
    public DebuggedProcess Debugged { get; }

    /// <summary>The process.</summary>
    public TracedProcess Process { get; }

    /// <summary>Its memory as it is looked at.</summary>
    public DebuggedMemory Memory { get; private set; }

    /// <summary>Its threads' registers.</summary>
    public ThreadRegisters Registers { get; private set; }

    /// <summary>Its threads stand for the debugger.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>The debugger has let it go, or it has ended.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Code in enclaves whose names are known.</summary>
    public IReadOnlyList<(ulong Start, ulong End)> KnownCode { get; set; } = [];

    /// <summary>Signals that threads get without the debugger being asked; bit n-1 is signal n.</summary>
    public ulong PassedSignals { get; set; }

    /// <summary>Signals that threads get which stand at them when the debugger goes.</summary>
    public ulong KeptSignals { get; set; } = ~(1UL << (Linux.Signal.SIGINT - 1) | 1UL << (Linux.Signal.SIGTRAP - 1));

    /// <summary>All its threads stand, which is told as an event.</summary>
    public void Interrupt()
    {
        if (!IsStopped && !IsOver)
        {
            // The leader, where it lives.
            int id = Process.Threads.Exists(thread => thread.Id == Process.Id) ? Process.Id : Process.Threads.Min(thread => thread.Id);
            Stop(null, new DebugStop(DebugStopKind.Interrupt, id));
        }
    }

    /// <summary>Threads run.</summary>
    /// <param name="order">What is wanted of a thread, by its id; null lets it stand.</param>
    /// <param name="runsAll">Whether threads that are made meanwhile run as well.</param>
    public void Resume(Func<int, ThreadOrder?> order, bool runsAll)
    {
        IsStopped = false;
        _runsAll = runsAll;
        _chosen.Clear();
        var run = new List<(TracedThread Thread, ThreadOrder Order)>();
        foreach (TracedThread thread in Process.Threads)
        {
            ThreadOrder? wanted = order(thread.Id);
            if (wanted is not null)
            {
                run.Add((thread, wanted.Value));
            }

            if (wanted is null == runsAll)
            {
                _ = _chosen.Add(thread);
            }
        }

        foreach ((TracedThread thread, ThreadOrder wanted) in run)
        {
            if (wanted.Steps)
            {
                Steps.Begin(thread, wanted, Registers.Read(thread, []).Rip);
            }

            if (_standing.Remove(thread, out Answer answer))
            {
                Do(thread, answer, wanted.Signal);
            }
            else if (wanted.Signal != 0)
            {
                Send(thread, wanted.Signal);
            }
        }

        CheckRunning();
    }

    /// <summary>The debugger lets it go: it runs as if there had never been one.</summary>
    public void Detach()
    {
        if (!IsStopped)
        {
            // Who is at a breakpoint, or behind a step, is so no more.
            StopAll(null);
        }

        End();
        foreach ((TracedThread thread, Answer answer) in _standing.ToArray())
        {
            bool isKept = SignalOf(answer) is var signal && (signal == 0 || (KeptSignals & 1UL << (signal - 1)) != 0);
            _debugger.Do(thread, isKept ? answer : Answer.RunOn);
        }

        _standing.Clear();
    }

    /// <summary>Whether a breakpoint was asked for at an address.</summary>
    public bool Has(ulong address) => !IsOver && Memory.Has(address);

    /// <summary>Whether a thread's events are not answered now.</summary>
    public bool Holds(int thread) => !IsOver && Find(thread) is { } found && IsHeld(found);

    /// <summary>Whether it is decided what becomes of a thread when it runs on.</summary>
    public bool HasStanding(TracedThread thread) => _standing.ContainsKey(thread);

    /// <summary>Something happened to a thread that stands for the debugger: it is kept for when it runs on.</summary>
    public void Keep(TracedThread thread, in ProgramEvent happened)
    {
        if (IsAtPlanted(thread, happened))
        {
            // It was about to hit a breakpoint, which may be gone when it runs on.
            _debugger.Platform.NoteException(thread.Held, happened.Signal);
            Rewind(thread);
            _standing[thread] = Answer.RunOn;
            return;
        }

        if (Steps.TakeTrap(thread, happened))
        {
            // Of a step that nobody waits for any more.
            _debugger.Platform.NoteException(thread.Held, happened.Signal);
            _standing[thread] = Answer.RunOn;
            return;
        }

        _debugger.Platform.PutBack(thread.Held, happened);
    }

    /// <summary>A thread stands at SIGTRAP or another signal: what becomes of it where that is the debugger's.</summary>
    public Answer? Trap(TracedThread thread, in ProgramEvent happened)
    {
        ulong rip = thread.Peek().Rip;
        if (happened.Signal == Linux.Signal.SIGTRAP)
        {
            if (IsAtPlanted(thread, happened))
            {
                _debugger.Platform.NoteException(thread.Held, happened.Signal);
                Rewind(thread);
                return Stands(thread, DebugStopKind.Breakpoint);
            }

            if (Steps.TakeTrap(thread, happened))
            {
                _debugger.Platform.NoteException(thread.Held, happened.Signal);
                return Answer.RunOn;
            }
        }

        // An instruction of an enclave that stops by itself, and for a breakpoint before that is anybody's.
        return happened.Signal is Linux.Signal.SIGTRAP or Linux.Signal.SIGILL && Memory.Has(rip)
            && !DebuggedMemory.IsPlanted(thread.Space, rip) ? Stands(thread, DebugStopKind.Breakpoint) : null;
    }

    /// <summary>Whether a thread stands for the debugger that is about to run on, or to get a signal.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="answer">What is to become of it.</param>
    /// <param name="signal">The signal that it would get; 0 for none.</param>
    public bool Takes(TracedThread thread, in Answer answer, int signal)
    {
        if (IsOver)
        {
            return false;
        }

        bool isLet = signal != 0 && _let.Remove(thread);
        if (IsHeld(thread))
        {
            _standing[thread] = answer;
            return true;
        }

        if (_toStop.TryGetValue(thread, out DebugStopKind kind) && !IsBeforeCall(thread))
        {
            _ = _toStop.Remove(thread);
            Stop((thread, answer), new DebugStop(kind, thread.Id));
            return true;
        }

        if (signal != 0 && !isLet && (PassedSignals & 1UL << (signal - 1)) == 0)
        {
            Stop((thread, answer), new DebugStop(DebugStopKind.Signal, thread.Id) { Signal = signal });
            return true;
        }

        thread.StepsNext = false;
        if (!Steps.Has(thread))
        {
            return false;
        }

        if (signal == 0 && !IsBeforeCall(thread))
        {
            if (Steps.IsOver(thread))
            {
                Stop((thread, answer), new DebugStop(DebugStopKind.Step, thread.Id));
                return true;
            }

            if (_debugger.TryExecute(thread))
            {
                return true;
            }
        }

        thread.StepsNext = ThreadRegisters.PlaceOf(thread) != ThreadPlace.Hidden;
        return false;
    }

    /// <summary>It has executed a program: it has another memory, and one thread.</summary>
    public void NoteImage(TracedThread thread)
    {
        ForgetThreads();
        (Memory, Registers) = _debugger.Look(Process.Space);
        Process.Space.IsDebugged = true;
        _image = thread;
    }

    /// <summary>A system call of a thread has ended: execve of a program that stands ready now.</summary>
    public void NoteCallDone(TracedThread thread)
    {
        if (_image == thread)
        {
            _image = null;
            StopSoon(thread, DebugStopKind.Executed);
        }

        NoteEnclaves(thread);
    }

    /// <summary>A thread has done what may have brought an enclave.</summary>
    public void NoteEnclaves(TracedThread thread)
    {
        foreach (EnclaveMapping mapping in Process.Space.Mappings.All)
        {
            if (mapping.File.Enclave is { IsInitialized: true } enclave && _told.Add(enclave))
            {
                StopSoon(thread, DebugStopKind.Code);
            }
        }
    }

    /// <summary>Code of an enclave is executed for the first time: a library that came later may be there.</summary>
    public void NoteExecutable(TracedThread thread, ulong start, ulong end)
    {
        bool isKnown = KnownCode.Any(code => code.Start < end && start < code.End);
        if (!isKnown && thread.Space.Mappings.Find(start)?.File.Enclave is { IsInitialized: true } && _unknownLeft-- > 0)
        {
            StopSoon(thread, DebugStopKind.Code);
        }
    }

    /// <summary>A page of an enclave got its content.</summary>
    public void NoteFilled(EnclaveFile file, ulong page) => Memory.Filled(file, page);

    /// <summary>A thread has ended.</summary>
    public void NoteEnded(TracedThread thread, in ProgramEvent end)
    {
        _ = _standing.Remove(thread);
        Steps.Forget(thread);
        _ = _let.Remove(thread);
        _ = _toStop.Remove(thread);
        _ = _chosen.Remove(thread);
        if (Process.Threads.Count == 0)
        {
            End();
            _stopped(end.EndedBy is { } signal ? new DebugStop(DebugStopKind.Killed, Process.Id) { Signal = signal }
                : new DebugStop(DebugStopKind.Exited, Process.Id) { ExitStatus = end.ExitStatus ?? 0 });
            return;
        }

        CheckRunning();
    }

    private ThreadSteps Steps => _debugger.Steps;

    private TracedThread? Find(int thread) => Process.Threads.Find(one => one.Id == thread);

    private bool IsHeld(TracedThread thread) => IsStopped || _chosen.Contains(thread) == _runsAll;

    private static bool IsAtPlanted(TracedThread thread, in ProgramEvent happened) =>
        happened is { Kind: EventKind.Signal, Signal: Linux.Signal.SIGTRAP }
        && thread.GetSignal(out SignalInformation information) == Linux.Errno.None && information.Code == SignalInformation.SiKernel
        && DebuggedMemory.IsPlanted(thread.Space, thread.Peek().Rip - 1);

    // As soon as it is about to run on in its program.
    private void StopSoon(TracedThread thread, DebugStopKind kind) => _toStop[thread] = kind;

    private static int SignalOf(in Answer answer) => answer.Raises ? answer.Exception.Number : answer.Signal;

    private static void Rewind(TracedThread thread) => thread.Registers.Rip--;

    // It stands before a system call that it is still to make.
    private static bool IsBeforeCall(TracedThread thread) => thread.AtSystemCall && thread.Peek().OrigRax != ulong.MaxValue;

    private Answer Stands(TracedThread thread, DebugStopKind kind)
    {
        Stop((thread, Answer.RunOn), new DebugStop(kind, thread.Id));
        return Answer.Stand;
    }

    private void Stop((TracedThread Thread, Answer Answer)? first, in DebugStop stop)
    {
        StopAll(first);
        _stopped(stop);
    }

    private void StopAll((TracedThread Thread, Answer Answer)? first)
    {
        IsStopped = true;
        Steps.End();
        _let.Clear();
        if (first is var (thread, answer))
        {
            _standing[thread] = answer;
        }

        TracedThread[] others = [.. Process.Threads.Where(other => !_standing.ContainsKey(other))];
        _debugger.Interruptions.InterruptAll([.. others.Where(other => !other.Stopped)]);
        foreach (TracedThread other in others)
        {
            if (other is { Stopped: true, HasParkedStop: true } && _debugger.Platform.TryTakeParked(other.Held, out ProgramEvent parked))
            {
                _debugger.Platform.NoteStop(other.Held, parked);
                Keep(other, parked);
            }
            else if (other.Stopped)
            {
                // What was queued to run stands instead; what waits for its ioctl stands already.
                if (_debugger.Gates.TakeBack(other) is { } signal)
                {
                    _standing[other] = signal == 0 ? Answer.RunOn : Answer.Deliver(signal);
                }
            }
            else if (_debugger.Interruptions.TryStop(other, out ProgramEvent happened))
            {
                if (happened.Kind == EventKind.Halted)
                {
                    _standing[other] = Answer.RunOn;
                }
                else
                {
                    Keep(other, happened);
                }
            }
        }
    }

    private void Do(TracedThread thread, Answer answer, int signal)
    {
        int own = SignalOf(answer);
        if (own != 0 && signal == own)
        {
            _ = _let.Add(thread);
        }
        else
        {
            answer = own == 0 ? answer : Answer.RunOn;
            if (signal != 0)
            {
                Send(thread, signal);
            }
        }

        _debugger.Do(thread, answer);
    }

    // It stops at it, and gets it then.
    private void Send(TracedThread thread, int signal)
    {
        _ = _let.Add(thread);
        _ = HostKernel.KillThread(Process.Id, thread.Id, signal);
    }

    // A debugger that waits for a thread that has ended would wait for ever.
    private void CheckRunning()
    {
        if (!IsStopped && !IsOver && Process.Threads.TrueForAll(IsHeld))
        {
            IsStopped = true;
            _stopped(new DebugStop(DebugStopKind.NothingRuns, Process.Threads.Min(thread => thread.Id)));
        }
    }

    private void End()
    {
        IsOver = true;
        IsStopped = false;
        Memory.Clear();
        Process.Space.IsDebugged = false;
        _chosen.Clear();
        _debugger.Forget(this);
    }

    private void ForgetThreads()
    {
        _standing.Clear();
        Steps.End();
        _let.Clear();
        _toStop.Clear();
        _chosen.Clear();
        (_runsAll, IsStopped) = (true, false);
    }

    // Looking may have brought pages in, for which others went.
    public void Settle()
    {
        if (Process.Threads.Find(thread => thread.Stopped && !thread.HasParkedStop) is { } thread)
        {
            _debugger.Changes.Settle(thread);
        }
    }
}
