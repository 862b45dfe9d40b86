using Cloister.Architecture;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Tests.Harness;

/// <summary>
/// Holds nobody: what happens is what a test says, in the order that it says, and what is done about it is there to be looked at.
/// </summary>
internal sealed class TestPlatform : IPlatform
{
    private readonly LinkedList<ProgramEvent> _events = new(), _parked = new();
    private readonly Dictionary<int, int> _told = [];

    /// <summary>The threads that it was asked to hold.</summary>
    public Dictionary<int, TestThread> Threads { get; } = [];

    /// <summary>What was done to threads, in order, in words.</summary>
    public List<string> Log { get; } = [];

    /// <summary>What a signal is about.</summary>
    public Func<IHeldThread, ProgramEvent, SignalCause> Cause { get; set; } = (_, _) => SignalCause.Exception;

    /// <summary>What a thread that is halted meets.</summary>
    public Func<IHeldThread, (HaltResult Result, ProgramEvent Met)> OnHalt { get; set; } =
        thread => (HaltResult.Stands, new ProgramEvent(EventKind.Halted, thread.Id));

    /// <summary>What a step of a thread ends in.</summary>
    public Func<IHeldThread, ProgramEvent> OnStep { get; set; } =
        thread => new ProgramEvent(EventKind.Signal, thread.Id) { Signal = Signal.SIGTRAP };

    /// <summary>What becomes of a signal that is raised.</summary>
    public Delivery OnRaise { get; set; } = Delivery.InHandler;

    /// <summary>What becomes of Cloister's own pages, and of which call.</summary>
    public (Errno Error, string Call) OnMapArea { get; set; } = (Errno.None, "");

    /// <summary>The signals that the kernel has handlers of.</summary>
    public HashSet<int> Handled { get; } = [];

    /// <summary>The signals that were raised.</summary>
    public List<ProgramSignal> Raised { get; } = [];

    /// <summary>Whether breakpoints can be had.</summary>
    public bool HasBreakpoints { get; set; } = true;

    /// <inheritdoc/>
    public bool AnyParked => _parked.Any(one => StaysParked?.Invoke(one.Thread) != true);

    /// <inheritdoc/>
    public Predicate<int>? StaysParked { get; set; }

    /// <summary>Whether something happened that was not answered yet.</summary>
    public bool AnyWaiting => _events.Count > 0 || AnyParked;

    /// <summary>Something happens.</summary>
    public void Happens(ProgramEvent happened) => _events.AddLast(happened);

    /// <summary>A child is told of by its maker's event.</summary>
    public void Tells(int thread, int id) => _told[thread] = id;

    /// <inheritdoc/>
    public IHeldThread Begin(ProgramInvocation program, byte[] filter, IStartingProgram? waiting, Func<int, HeldProcess> process) =>
        Hold(waiting?.Id ?? Environment.ProcessId, process(waiting?.Id ?? Environment.ProcessId));

    /// <inheritdoc/>
    public IHeldThread Hold(int id, HeldProcess process)
    {
        var thread = new TestThread(id, process);
        process.Held.Add(thread);
        return Threads[id] = thread;
    }

    /// <inheritdoc/>
    public void Release(IHeldThread thread)
    {
        _ = thread.Process.Held.Remove(thread);
        Log.Add($"release {thread.Id}");
    }

    /// <inheritdoc/>
    public bool TryTakeParked(out ProgramEvent happened)
    {
        happened = _parked.FirstOrDefault(one => StaysParked?.Invoke(one.Thread) != true);
        return _parked.Remove(happened);
    }

    /// <inheritdoc/>
    public bool TryTakeParked(IHeldThread thread, out ProgramEvent happened)
    {
        happened = _parked.FirstOrDefault(one => one.Thread == thread.Id);
        return _parked.Remove(happened);
    }

    /// <inheritdoc/>
    public int TryNext(bool wait, out ProgramEvent happened) => TryTake(_events, out happened) ? 1 : 0;

    /// <inheritdoc/>
    public void Wake() => Log.Add("wake");

    /// <inheritdoc/>
    public void TakeAll()
    {
        while (TryTake(_events, out ProgramEvent happened))
        {
            Park(happened);
        }
    }

    /// <inheritdoc/>
    public void Park(in ProgramEvent happened) => _parked.AddLast(happened);

    /// <inheritdoc/>
    public void PutBack(IHeldThread thread, in ProgramEvent happened)
    {
        thread.HasParkedStop = true;
        Park(happened);
    }

    /// <inheritdoc/>
    public bool IsParked(int thread) => _parked.Any(happened => happened.Thread == thread);

    /// <inheritdoc/>
    public void ForgetParked(int thread)
    {
        while (_parked.FirstOrDefault(happened => happened.Thread == thread) is { Thread: > 0 } parked)
        {
            _parked.Remove(parked);
        }
    }

    /// <inheritdoc/>
    public void NoteStop(IHeldThread thread, in ProgramEvent happened)
    {
        TestThread stopped = Of(thread);
        (stopped.Stopped, stopped.HasParkedStop, stopped.AwaitsVfork, stopped.AtSystemCall) =
            (true, false, false, happened.Kind == EventKind.SystemCall);
    }

    /// <summary>Of which events a thread goes on to something else.</summary>
    public Predicate<ProgramEvent> GoesOnAt { get; set; } = _ => false;

    /// <inheritdoc/>
    public bool GoesOn(IHeldThread thread, in ProgramEvent happened) => GoesOnAt(happened);

    /// <inheritdoc/>
    public bool TryGetTold(int thread, out int id) => _told.Remove(thread, out id);

    /// <inheritdoc/>
    public void NoteChild(IHeldThread parent, int child) => Log.Add($"child {child} of {parent.Id}");

    /// <inheritdoc/>
    public void NoteVfork(IHeldThread parent, bool isVfork) => Of(parent).AwaitsVfork = isVfork;

    /// <inheritdoc/>
    public SignalCause CauseOf(IHeldThread thread, in ProgramEvent happened) => Cause(thread, happened);

    /// <inheritdoc/>
    public ExceptionVector VectorOf(IHeldThread thread, in SignalInformation information) => TrapDecoder.VectorOf(thread, information);

    /// <inheritdoc/>
    public AccessKind AccessOf(IHeldThread thread, ReadOnlySpan<byte> code, ulong address) => TrapDecoder.AccessOf(thread, code, address);

    /// <inheritdoc/>
    public ProgramSignal TakeRaised(IHeldThread thread) => Raised[^1];

    /// <inheritdoc/>
    public void NoteException(IHeldThread thread, int signal) => Log.Add($"exception {signal} of {thread.Id}");

    /// <inheritdoc/>
    public void KeepOrder(IHeldThread thread)
    {
    }

    /// <inheritdoc/>
    public void NoteMask(IHeldThread thread) => Log.Add($"mask of {thread.Id}");

    /// <inheritdoc/>
    public bool MayLoseHandler(IHeldThread thread, int signal) => false;

    /// <inheritdoc/>
    public void PrepareRaise(IHeldThread thread, int signal)
    {
    }

    /// <inheritdoc/>
    public Delivery Raise(IHeldThread thread, in ProgramSignal signal)
    {
        Raised.Add(signal);
        return OnRaise;
    }

    /// <inheritdoc/>
    public void BeginResume(IHeldThread thread, int signal)
    {
    }

    /// <inheritdoc/>
    public int EndResume(IHeldThread thread, int signal) => signal;

    /// <inheritdoc/>
    public void SendDeferred(IHeldThread thread)
    {
    }

    /// <inheritdoc/>
    public bool HasHandler(IHeldThread thread, int signal) => Handled.Contains(signal);

    /// <inheritdoc/>
    public bool StepIntoHandler(IHeldThread thread, int signal) => true;

    /// <inheritdoc/>
    public void WriteBack(IHeldThread thread) => (Of(thread).Stopped, Of(thread).WasMoved, Of(thread).AtSystemCall) = (false, false, false);

    /// <inheritdoc/>
    public void Run(IHeldThread thread, int signal) => Log.Add($"run {thread.Id}" + With(signal));

    /// <inheritdoc/>
    public void RunStep(IHeldThread thread, int signal) => Log.Add($"run {thread.Id} for a step" + With(signal));

    private static string With(int signal) => signal == 0 ? "" : $" with {signal}";

    /// <inheritdoc/>
    public void AtCallEnd(IHeldThread thread, Action then) => Of(thread).AtCallEnd = then;

    /// <inheritdoc/>
    public Action? TakeCallEnd(IHeldThread thread)
    {
        Action? then = Of(thread).AtCallEnd;
        Of(thread).AtCallEnd = null;
        return then;
    }

    /// <inheritdoc/>
    public void SetResult(IHeldThread thread, long result)
    {
        thread.Registers.Rax = unchecked((ulong)result);
        thread.Registers.OrigRax = ulong.MaxValue;
        Log.Add($"made {result} for {thread.Id}");
    }

    /// <inheritdoc/>
    public bool StandStopped(IHeldThread thread, in ProgramEvent happened) => true;

    /// <inheritdoc/>
    public void Interrupt(IHeldThread thread)
    {
    }

    /// <inheritdoc/>
    public HaltResult Halt(IHeldThread thread, bool mayWait, out ProgramEvent happened)
    {
        (HaltResult result, happened) = OnHalt(thread);
        Of(thread).Stopped = result == HaltResult.Stands;
        Log.Add($"halt {thread.Id}");
        return result;
    }

    /// <inheritdoc/>
    public ProgramEvent Step(IHeldThread thread)
    {
        Log.Add($"step {thread.Id}");
        return OnStep(thread);
    }

    /// <inheritdoc/>
    public bool WriteBreakpoints(IHeldThread thread) => HasBreakpoints;

    /// <inheritdoc/>
    public bool IsGone(IHeldThread thread) => Of(thread).DiesAtCall;

    /// <inheritdoc/>
    public void RefuseCalls(IHeldThread thread, ulong start, ulong size) => Log.Add($"refuse calls from {start:x} of {size:x}");

    /// <inheritdoc/>
    public void RefuseCallsBy(IHeldThread thread, Func<ulong> flag) => Of(thread).RefusesCallsBy = flag;

    /// <inheritdoc/>
    public Errno MapArea(IHeldThread thread, out string call)
    {
        Log.Add($"area of {thread.Id}");
        (Errno error, call) = OnMapArea;
        return error;
    }

    /// <inheritdoc/>
    public void NoteImage(IHeldThread thread) => Log.Add($"image of {thread.Id}");

    /// <inheritdoc/>
    public void CopyMask(IHeldThread parent, IHeldThread child)
    {
    }

    /// <inheritdoc/>
    public void NoteRuns(IHeldThread thread) => Of(thread).Stopped = false;

    /// <inheritdoc/>
    public void ReleaseAffinity(int thread) => Log.Add($"affinity of {thread}");

    /// <inheritdoc/>
    public void UseAllCores()
    {
    }

    /// <inheritdoc/>
    public void Dispose() => Log.Add("disposed");

    private static TestThread Of(IHeldThread thread) => (TestThread)thread;

    private static bool TryTake(LinkedList<ProgramEvent> from, out ProgramEvent happened)
    {
        happened = from.First?.Value ?? default;
        if (from.Count == 0)
        {
            return false;
        }

        from.RemoveFirst();
        return true;
    }
}
