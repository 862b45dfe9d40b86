using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>The signals that stop a process. They are not taken off and sent again like others: SIGCONT takes back
/// what waits or is being delivered.</summary>
internal static class StopSignals
{
    /// <summary>Whether the delivery of a signal to a thread stops its process. signal(7).</summary>
    public static bool Stops(IHeldThread thread, int signal) => signal switch
    {
        Signal.SIGSTOP => true,
        _ => MayStop(signal) && !HasHandler(thread, signal),
    };

    /// <summary>Whether a signal stops where the program does nothing about it.</summary>
    public static bool MayStop(int signal) => signal is Signal.SIGSTOP or Signal.SIGTSTP or Signal.SIGTTIN or Signal.SIGTTOU;

    /// <summary>Whether a thread stands before the delivery of one.</summary>
    public static bool IsAt(WaitStatus status) => status is { Stopped: true, Event: PtraceEvent.None } && MayStop(status.StopSignal);

    /// <summary>A thread that executes something for the tracer has stopped meanwhile, and goes on all the same.</summary>
    /// <param name="status">Its stop.</param>
    /// <param name="isStopped">Whether its process was stopped by a signal before.</param>
    /// <param name="signal">What it has to be given when it goes on: a signal that stops, such as SIGSTOP, which
    /// cannot be blocked; else 0.</param>
    /// <returns>Whether its process is stopped by a signal now.</returns>
    public static bool NoteStop(WaitStatus status, bool isStopped, out int signal)
    {
        signal = IsAt(status) ? status.StopSignal : 0;
        return status.Event == PtraceEvent.Stop ? status.StopSignal != Signal.SIGTRAP : isStopped;
    }

    /// <summary>A thread of a process that is stopped has gone on for the tracer only: it stops again, unless SIGCONT came meanwhile.
    /// ptrace(2), "Group-stop".</summary>
    public static void StopAgain(IHeldThread thread, bool isStopped)
    {
        if (isStopped)
        {
            _ = Ptrace.Interrupt(thread.Id);
        }
    }

    /// <summary>Whether a thread's process has a handler of a signal.</summary>
    public static bool HasHandler(IHeldThread thread, int signal) =>
        ((ProcText.Hexadecimal(ProcText.Field(HostFile.TryRead(ProcPath.Of(thread.Id, "status")), "SigCgt:"u8)) ?? 0) & (
        1UL << (signal - 1))) != 0;
}
