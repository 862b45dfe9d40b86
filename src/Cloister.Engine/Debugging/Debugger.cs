using Cloister.Driver;
using Cloister.Engine.Enclaves;
using Cloister.Engine.Fast;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Debugging;

/// <summary>What a debugger's hold on a process needs of the machine, and who is held.</summary>
/// <remarks>One process at a time.</remarks>
internal sealed class Debugger(SgxMachine machine, ISgxDriver driver, FastSpaces spaces, IPlatform platform, Interruptions interruptions,
    Gates gates, PendingChanges changes, AsynchronousExits exits, EncluStops enclu) : IPageObserver
{
    private Action<DebugStop>? _first;

    /// <summary>Lets a thread become what was decided.</summary>
    public Action<TracedThread, Answer>? OnDecided { get; set; }

    /// <summary>The process that is held; null for none.</summary>
    public DebugControl? Current { get; private set; }

    /// <summary>Who steps.</summary>
    public ThreadSteps Steps { get; } = new();

    /// <summary>The platform.</summary>
    public IPlatform Platform => platform;

    /// <summary>Stops threads.</summary>
    public Interruptions Interruptions => interruptions;

    /// <summary>Where threads wait to run.</summary>
    public Gates Gates => gates;

    /// <summary>Brings the real mappings to what the model says.</summary>
    public PendingChanges Changes => changes;

    /// <summary>Holds a process from now on: it stands, which is told as an event.</summary>
    /// <returns>Null when another is held.</returns>
    public DebuggedProcess? Attach(TracedProcess process, Action<DebugStop> stopped)
    {
        if (Current is not null)
        {
            return null;
        }

        Current = new DebugControl(this, process, stopped);
        platform.StaysParked = Holds;
        Current.Interrupt();
        return Current.Debugged;
    }

    /// <summary>Holds the first process as soon as it has executed its program, before anything of it runs.</summary>
    public void AttachFirst(Action<DebugStop> stopped) => _first = stopped;

    /// <summary>Nobody is held any more.</summary>
    public void Forget(DebugControl process)
    {
        if (Current == process)
        {
            Current = null;
            platform.StaysParked = null;
        }
    }

    /// <summary>Whether something that happened to a thread is kept for later.</summary>
    public bool Keeps(TracedThread thread, in ProgramEvent happened)
    {
        if (Current is null || !Holds(thread.Id))
        {
            return false;
        }

        platform.NoteStop(thread.Held, happened);
        Current.Keep(thread, happened);
        return true;
    }

    /// <summary>A thread stands at a signal: what becomes of it where that is a debugger's.</summary>
    public Answer? Trap(TracedThread thread, in ProgramEvent happened)
    {
        if (Of(thread) is { } control)
        {
            return control.Trap(thread, happened);
        }

        if (Steps.TakeTrap(thread, happened))
        {
            // The debugger has gone meanwhile.
            platform.NoteException(thread.Held, happened.Signal);
            return Answer.RunOn;
        }

        return happened.Signal == Signal.SIGTRAP ? TrapOfOther(thread) : null;
    }

    /// <summary>Whether a thread stands for its debugger instead of running on.</summary>
    public bool Takes(TracedThread thread, in Answer answer, int signal)
    {
        if (Of(thread)?.Takes(thread, answer, signal) != true)
        {
            return false;
        }

        if (thread.Stopped)
        {
            // As if it ran on: what the tables of the fast path say is followed before whatever is done next.
            spaces.Publish(thread);
        }

        return true;
    }

    /// <summary>Whether a debugger has a breakpoint at an address of a thread's memory.</summary>
    public bool Has(TracedThread thread, ulong address) => Of(thread)?.Has(address) == true;

    /// <summary>Whether it is decided what becomes of a thread when its debugger lets it run.</summary>
    public bool HasStanding(TracedThread thread) => Of(thread)?.HasStanding(thread) == true;

    /// <summary>A process has executed a program.</summary>
    public void NoteImage(TracedThread thread)
    {
        if (_first is { } stopped)
        {
            _first = null;
            Current = new DebugControl(this, thread.Process, stopped);
            platform.StaysParked = Holds;
        }

        Of(thread)?.NoteImage(thread);
    }

    /// <summary>A system call of a thread has ended, and what was to be done then is done.</summary>
    public void NoteCallDone(TracedThread thread) => Of(thread)?.NoteCallDone(thread);

    /// <summary>An ioctl of a thread has ended.</summary>
    public void NoteIoctl(TracedThread thread) => Of(thread)?.NoteEnclaves(thread);

    /// <summary>Code of an enclave is executed for the first time.</summary>
    public void NoteExecutable(TracedThread thread, ulong start, ulong end) => Of(thread)?.NoteExecutable(thread, start, end);

    /// <summary>A thread has ended.</summary>
    public void NoteEnded(TracedThread thread, in ProgramEvent end)
    {
        Steps.Forget(thread);
        Of(thread)?.NoteEnded(thread, end);
    }

    /// <inheritdoc/>
    public void Filled(EnclaveFile file, ulong page) => Current?.NoteFilled(file, page);

    /// <summary>How memory is looked at.</summary>
    public (DebuggedMemory Memory, ThreadRegisters Registers) Look(AddressSpace space)
    {
        var memory = new DebuggedMemory(machine, driver, spaces, space);
        return (memory, new ThreadRegisters(machine, driver, memory));
    }

    /// <summary>What was decided about a thread becomes so.</summary>
    public void Do(TracedThread thread, in Answer answer) => OnDecided?.Invoke(thread, answer);

    /// <summary>Executes the ENCLU at which a thread stands where a jump to a stub would take its place: no step ends in a stub.</summary>
    /// <returns>Whether it has become something.</returns>
    public bool TryExecute(TracedThread thread)
    {
        if (spaces.Of(thread.Space) is null || !exits.IsEnclu(thread))
        {
            return false;
        }

        Do(thread, enclu.Execute(thread));
        return true;
    }

    private DebugControl? Of(TracedThread thread) => Current?.Process == thread.Process ? Current : null;

    private bool Holds(int thread) => Current?.Holds(thread) == true;

    // A child that has the same memory, or the same enclave, executes what stands behind a breakpoint that is not its own.
    private Answer? TrapOfOther(TracedThread thread)
    {
        ulong address = thread.Peek().Rip - 1;
        PlantedBreakpoints planted = thread.Space.Mappings.Find(address)?.File.Planted ?? thread.Space.Planted;
        bool hasGone = planted.HasGone(address);
        if (!(hasGone || planted.Contains(address)) || thread.GetSignal(out SignalInformation information) != Errno.None
            || information.Code != SignalInformation.SiKernel)
        {
            return null;
        }

        platform.NoteException(thread.Held, Signal.SIGTRAP);
        thread.Registers.Rip = address;
        if (hasGone)
        {
            return Answer.RunOn;
        }

        using (interruptions.HoldOthers(thread))
        {
            planted.Remove(address);
            ProgramEvent happened = platform.Step(thread.Held);
            _ = planted.Plant(address);
            if (happened is { Kind: EventKind.Signal, Signal: Signal.SIGTRAP })
            {
                return Answer.RunOn;
            }

            platform.PutBack(thread.Held, happened);
            return Answer.Stand;
        }
    }
}
