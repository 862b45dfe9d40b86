using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Debugging;

/// <summary>Threads that a debugger lets execute an instruction, or a range of them.</summary>
internal sealed class ThreadSteps
{
    private readonly Dictionary<TracedThread, Step> _steps = [];

    // They were stepping when somebody stopped the process, and their trap may still come.
    private readonly HashSet<TracedThread> _late = [];

    /// <summary>A thread steps when it runs on.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="order">Which steps.</param>
    /// <param name="start">Where it is shown to stand.</param>
    public void Begin(TracedThread thread, in ThreadOrder order, ulong start)
    {
        _ = _late.Remove(thread);
        _steps[thread] = new Step(start, order.RangeStart, order.RangeEnd);
    }

    /// <summary>Whether a thread steps.</summary>
    public bool Has(TracedThread thread) => _steps.ContainsKey(thread);

    /// <summary>Nobody steps any more.</summary>
    public void End()
    {
        _late.UnionWith(_steps.Keys);
        _steps.Clear();
    }

    /// <summary>A thread has ended, or is another.</summary>
    public void Forget(TracedThread thread)
    {
        _ = _steps.Remove(thread);
        _ = _late.Remove(thread);
    }

    /// <summary>Whether what happened to a thread is the trap of its step.</summary>
    public bool TakeTrap(TracedThread thread, in ProgramEvent happened)
    {
        bool isLate = _late.Remove(thread);
        if (!IsTrap(thread, happened))
        {
            return false;
        }

        if (_steps.TryGetValue(thread, out Step step))
        {
            _steps[thread] = step with { HasTrapped = true };
            return true;
        }

        return isLate;
    }

    /// <summary>Whether a thread that steps, and is about to run on in its program, has done so.</summary>
    public bool IsOver(TracedThread thread)
    {
        Step step = _steps[thread];
        ulong rip = thread.Peek().Rip;
        if (thread.JustExited || ThreadRegisters.PlaceOf(thread) == ThreadPlace.Hidden || (rip == step.Start && !step.HasTrapped))
        {
            return false;
        }

        _steps[thread] = step with { Start = rip, HasTrapped = false };
        return rip < step.RangeStart || rip >= step.RangeEnd;
    }

    // arch/x86/kernel/traps.c, exc_debug_user, and of a system call's end user_single_step_report, include/linux/ptrace.h; of a handler's
    // entry ptrace_notify, kernel/signal.c.
    private static bool IsTrap(TracedThread thread, in ProgramEvent happened) =>
        happened is { Kind: EventKind.Signal, Signal: Signal.SIGTRAP }
        && thread.GetSignal(out SignalInformation information) == Errno.None
        && information.Code is SignalInformation.TrapBreakpoint or SignalInformation.TrapTrace or Signal.SIGTRAP;

    private readonly record struct Step(ulong Start, ulong RangeStart, ulong RangeEnd)
    {
        public bool HasTrapped { get; init; }
    }
}
