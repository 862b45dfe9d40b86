using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Signals that a thread stopped at and has not got: calls of ours have ended the stop that could deliver
/// them. Each is sent once more, and what comes then gets the information of the oldest, so that those of one number
/// keep their order.</summary>
internal sealed class SpentSignals
{
    private const int TkillCode = -6, FirstRealTime = 32;
    private readonly List<SignalInformation> _held = [];

    /// <summary>Takes a signal from a thread whose stop is spent and sends it again.</summary>
    public void Hold(IHeldThread thread, in SignalInformation information)
    {
        _held.Add(information);
        if (information.Code > 0)
        {
            // The kernel forces what an instruction raised, blocked or not.
            _ = Ptrace.GetSignalMask(thread.Id, out ulong mask);
            _ = Ptrace.SetSignalMask(thread.Id, mask & ~(1UL << (information.Signal - 1)));
        }

        Send(thread, information.Signal);
    }

    /// <summary>At a stop for a signal that was sent: the one of its number that the thread is to have first. False
    /// when there is none but that.</summary>
    public bool Exchange(IHeldThread thread, in SignalInformation came, out SignalInformation first)
    {
        int signal = came.Signal, index = _held.FindIndex(held => held.Signal == signal);
        first = index < 0 ? came : _held[index];
        if (index < 0)
        {
            return false;
        }

        _held.RemoveAt(index);
        if (!IsOurs(came))
        {
            _held.Add(came);
            if (signal < FirstRealTime)
            {
                // One of a kind waits at a time: ours was dropped. signal(7).
                Send(thread, signal);
            }
        }

        return true;
    }

    /// <summary>Whether a signal is one of this process's. Its id is 0 in a namespace that does not have it.</summary>
    public static bool IsOurs(in SignalInformation information) =>
        information.Code == TkillCode && (information.Sender == Environment.ProcessId || information.Sender == 0);

    private static void Send(IHeldThread thread, int signal) => _ = HostKernel.KillThread(thread.Process.Id, thread.Id, signal);
}
