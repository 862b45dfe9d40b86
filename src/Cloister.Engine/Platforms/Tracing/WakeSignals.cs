using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>The signal that makes a program stop for the sake of the tracer, which waits for that: the only one that no
/// program can block or ignore. It is never delivered.</summary>
internal static class WakeSignals
{
    /// <summary>Sends it. May be called by any thread.</summary>
    public static void Send(int process) => _ = HostKernel.Kill(process, Signal.SIGSTOP);

    /// <summary>Whether a thread stands at it, before its delivery.</summary>
    public static bool IsAt(int thread, WaitStatus status) =>
        status is { Stopped: true, Event: PtraceEvent.None, StopSignal: Signal.SIGSTOP }
        && Ptrace.GetSignal(thread, out SignalInformation information) == Errno.None && Is(information);

    /// <summary>Whether a signal is it: this process sends no other SIGSTOP to a process.</summary>
    public static bool Is(in SignalInformation information) =>
        information is { Signal: Signal.SIGSTOP, Code: SignalInformation.SiUser } && information.Sender == Environment.ProcessId;
}
