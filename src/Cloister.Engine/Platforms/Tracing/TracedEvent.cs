using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>What wait4 says, as an event.</summary>
internal static class TracedEvent
{
    /// <summary>What a status of a thread says. ptrace(2), "Stopped states".</summary>
    public static ProgramEvent Of(int thread, WaitStatus status)
    {
        EventKind kind = !status.Stopped ? EventKind.Ended : status.Event switch
        {
            PtraceEvent.Seccomp => EventKind.SystemCall,
            PtraceEvent.Fork or PtraceEvent.Vfork or PtraceEvent.Clone => EventKind.ChildMade,
            PtraceEvent.VforkDone => EventKind.ChildReleased,
            PtraceEvent.Exec => EventKind.ImageBegan,
            PtraceEvent.Stop => StopSignals.MayStop(status.StopSignal) ? EventKind.ProcessStopped : EventKind.Halted,
            PtraceEvent.None => status.StopSignal == (Signal.SIGTRAP | 0x80) ? EventKind.SystemCallDone : EventKind.Signal,
            _ => EventKind.Other,
        };
        return new ProgramEvent(kind, thread)
        {
            Signal = kind is EventKind.Signal or EventKind.ProcessStopped ? status.StopSignal : 0,
            IsVfork = status.Event == PtraceEvent.Vfork,
            ExitStatus = !status.Stopped && status.Exited ? status.ExitStatus : null,
            EndedBy = !status.Stopped && status.Signaled ? status.TerminatingSignal : null,
            Token = status.Raw,
        };
    }

    /// <summary>The status of which an event was made.</summary>
    public static WaitStatus StatusOf(in ProgramEvent happened) => new(happened.Token);
}
