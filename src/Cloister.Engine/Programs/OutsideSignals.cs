using System.Diagnostics;
using System.Globalization;
using Cloister.Linux;

namespace Cloister.Engine.Programs;

/// <summary>Which signals the program was sent by others: a keyboard and `kill -- -GROUP` send to program and tracer alike.</summary>
/// <remarks>Every signal that the program gets is a credit, and one that comes to the tracer uses it up. The tracer's
/// thread notes credits, the threads that get the tracer's own signals use them: hence the lock, which is held for
/// moments and beneath no other.</remarks>
internal sealed class OutsideSignals
{
    // A signal to both comes to the program and to the tracer at about the same time; on a busy machine that is seconds.
    private static readonly TimeSpan s_together = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_onItsWay = TimeSpan.FromMilliseconds(10), s_blocked = TimeSpan.FromMilliseconds(500),
        s_nap = TimeSpan.FromMilliseconds(2);
    private readonly Lock _lock = new();
    private readonly Queue<long>?[] _credits = new Queue<long>?[65];
    private readonly int[] _owed = new int[65];

    /// <summary>A thread of the program is about to get a signal.</summary>
    public void Note(TracedThread thread, int signal)
    {
        if (signal is not (Linux.Signal.SIGHUP or Linux.Signal.SIGINT or Linux.Signal.SIGQUIT or Linux.Signal.SIGUSR1
            or Linux.Signal.SIGUSR2 or Linux.Signal.SIGTERM
                or Linux.Signal.SIGCONT)
            || thread.GetSignal(out SignalInformation information) != Errno.None
            || information.Sender == Environment.ProcessId)
        {
            return;
        }

        Note(signal);
    }

    /// <summary>The program was sent a signal by others.</summary>
    public void Note(int signal)
    {
        lock (_lock)
        {
            if (_owed[signal] > 0)
            {
                _owed[signal]--;
                return;
            }

            (_credits[signal] ??= new Queue<long>()).Enqueue(Stopwatch.GetTimestamp());
        }
    }

    /// <summary>A signal came to the tracer: whether the program has got it, or is about to. Waits a moment for what
    /// is on its way.</summary>
    /// <param name="process">The program; 0 when it has ended.</param>
    /// <param name="signal">The signal.</param>
    public bool HasProgramGot(int process, int signal)
    {
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            if (UseCredit(signal))
            {
                return true;
            }

            TimeSpan waited = Stopwatch.GetElapsedTime(began);
            bool pending = IsPending(process, signal);
            if (pending && waited > s_blocked)
            {
                // The program blocks it, and will be told of it when it does not any more.
                lock (_lock)
                {
                    _owed[signal]++;
                }

                return true;
            }

            if (!pending && waited > s_onItsWay && (!IsAtStop(process) || waited > s_blocked))
            {
                return false;
            }

            Thread.Sleep(s_nap);
        }
    }

    /// <summary>Whether a signal waits for the program that nothing keeps from ending it.</summary>
    /// <remarks>Not where each of its threads blocks it. One that blocks all there are counts for nothing: it may be
    /// in a call of ours.</remarks>
    public static bool WillEnd(int process, int signal) => IsPending(process, signal) && !IsIn(process, "SigCgt:", signal)
        && !IsIn(process, "SigIgn:", signal)
        && HostKernel.Threads(process).Any(thread => Set(thread, "SigBlk:") is not { } blocked || IsAll(blocked) || !Has(blocked, signal));

    private bool UseCredit(int signal)
    {
        lock (_lock)
        {
            while (_credits[signal] is { } credits && credits.TryDequeue(out long noted))
            {
                if (Stopwatch.GetElapsedTime(noted) < s_together)
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static bool IsPending(int process, int signal) => IsIn(process, "ShdPnd:", signal);

    private static bool IsIn(int process, string field, int signal) => process != 0 && Set(process, field) is { } set && Has(set, signal);

    private static ulong? Set(int thread, string field) =>
        ulong.TryParse(HostKernel.StatusField(thread, field), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong set)
        ? set : null;

    private static bool Has(ulong set, int signal) => (set & 1UL << (signal - 1)) != 0;

    // Nobody can block SIGKILL and SIGSTOP.
    private static bool IsAll(ulong set) => (set | 1UL << (Linux.Signal.SIGKILL - 1) | 1UL << (Linux.Signal.SIGSTOP - 1)) == ulong.MaxValue;

    // Stopped for the tracer, which may not have looked yet.
    private static bool IsAtStop(int process) => process != 0 && HostKernel.StatusField(process, "State:") is { } state
        && state.StartsWith('t');
}
