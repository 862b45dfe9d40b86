using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>Which signals the program was sent by others: a keyboard and `kill -- -GROUP` send to program and tracer alike.</summary>
/// <remarks>The tracer's thread notes them, the thread that gets the tracer's own signals asks.</remarks>
internal sealed class OutsideSignals
{
    // Enough for a signal that went to both at once to come to the program; too little for two keystrokes.
    private static readonly TimeSpan s_together = TimeSpan.FromMilliseconds(150);
    private readonly long[] _noted = new long[65];

    /// <summary>A thread of the program is about to get a signal.</summary>
    public void Note(TracedThread thread, int signal)
    {
        if (signal is Linux.Signal.SIGHUP or Linux.Signal.SIGINT or Linux.Signal.SIGQUIT or Linux.Signal.SIGUSR1 or Linux.Signal.SIGUSR2 or Linux.Signal.SIGTERM
            && Ptrace.GetSignal(thread.Id, out SignalInformation information) == Errno.None
            && information.Sender != Environment.ProcessId)
        {
            Volatile.Write(ref _noted[signal], Environment.TickCount64);
        }
    }

    /// <summary>Whether the program has just been sent a signal.</summary>
    public bool HasJustCome(int signal) => Volatile.Read(ref _noted[signal]) is not 0 and var at && Environment.TickCount64 - at < s_together.TotalMilliseconds;

    /// <summary>Whether a process has a signal pending.</summary>
    public static bool IsPending(int process, int signal) => HostKernel.StatusField(process, "ShdPnd:") is { } text
        && ulong.TryParse(text, System.Globalization.NumberStyles.HexNumber, null, out ulong pending) && (pending & 1UL << (signal - 1)) != 0;
}
