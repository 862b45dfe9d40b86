using System.Runtime.InteropServices;
using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Makes stops of ours leave no trace in the program's signals: an exception's signal that was blocked or
/// ignored has made the kernel change action and mask.</summary>
/// <remarks>That the action changed tells that the signal was blocked, of a single thread. With several it could have
/// been another, so from the first time on the masks of such a program are followed (<see cref="PtraceThread.MaskFilter"/>).</remarks>
internal static class ForcedSignals
{
    private static readonly ulong OfStops = Bit(Signal.SIGILL) | Bit(Signal.SIGTRAP) | Bit(Signal.SIGBUS) | Bit(Signal.SIGFPE)
        | Bit(Signal.SIGSEGV) | Bit(Signal.SIGSYS);

    /// <summary>A thread stopped at the signal of an exception; what that has changed is not restored yet.</summary>
    public static void Note(PtraceThread thread, int signal) => thread.Forced |= Bit(signal);

    /// <summary>Restores, before the thread runs on, what its stops have changed, but for the signal that it is going to have.</summary>
    public static void Restore(PtraceThread thread, int delivered)
    {
        // Of several signals each is looked at as it was before all of them.
        (ulong forced, ulong? known) = (thread.Forced, thread.Mask);
        thread.Forced = 0;
        for (int signal = 1; forced != 0; signal++)
        {
            if ((forced & Bit(signal)) == 0)
            {
                continue;
            }

            forced &= ~Bit(signal);
            if (signal == delivered)
            {
                Settle(thread, thread.Process.Actions, signal);
            }
            else
            {
                Restore(thread, thread.Process.Actions, signal, known);
            }
        }
    }

    /// <summary>Before the program is given an exception's signal that is not the one it stopped at: blocked or ignored it ends the
    /// program, as the kernel has it.</summary>
    public static void Force(PtraceThread thread, int signal)
    {
        SignalActions actions = thread.Process.Actions;
        if (Ptrace.GetSignalMask(thread.Id, out ulong mask) == Errno.None
            && ((mask & Bit(signal)) != 0 || actions[signal].Handler == SignalAction.Ignore))
        {
            actions[signal] = default;
            Set(thread, signal, default);
            _ = Ptrace.SetSignalMask(thread.Id, mask & ~Bit(signal));
        }
    }

    /// <summary>Before a thread is given a signal at which it did not stop: another's stop may have made its action the default.</summary>
    public static void RestoreOfAnother(PtraceThread thread, int signal)
    {
        SignalActions actions = thread.Process.Actions;
        if (thread.Process.Held.Count > 1 && (Bit(signal) & OfStops) != 0 && actions.IsHandled(signal)
            && actions.IsReset(thread.Process.Id, signal))
        {
            Set(thread, signal, actions[signal]);
        }
    }

    /// <summary>Whether a stop of another thread could make the default of a handler at the moment at which a signal goes to it: one that
    /// blocks the signal runs.</summary>
    public static bool MayLoseHandler(PtraceThread thread, int signal) => thread.Process.Held.Count > 1
        && (Bit(signal) & OfStops) != 0 && thread.Process.Actions.IsHandled(signal)
        && (thread.Process.FollowsMasks || thread.Process.Actions.WasDelivered(signal))
        && Others(thread).Any(other => !other.Stopped && (other.Mask is not { } mask || (mask & Bit(signal)) != 0));

    /// <summary>A system call that changes the thread's mask has been made.</summary>
    public static void NoteMask(PtraceThread thread) =>
        thread.Mask = Ptrace.GetSignalMask(thread.Id, out ulong mask) == Errno.None ? mask : null;

    /// <summary>A thread is about to be stepped: each step ends in a SIGTRAP, of which it has to be known whether it was blocked. It
    /// makes no call meanwhile that would change that.</summary>
    public static void BeginSteps(PtraceThread thread)
    {
        if (thread.Mask is null)
        {
            NoteMask(thread);
            thread.MaskIsOfSteps = true;
        }
    }

    /// <summary>A thread is not stepped any more.</summary>
    public static void EndSteps(PtraceThread thread)
    {
        if (thread.MaskIsOfSteps)
        {
            thread.MaskIsOfSteps = false;
            thread.Mask = thread.Process.FollowsMasks ? thread.Mask : null;
        }
    }

    /// <summary>A signal is delivered, and a handler of it may run with another mask.</summary>
    public static void NoteDelivery(PtraceThread thread, int signal)
    {
        SignalAction action = thread.Process.Actions[signal];
        thread.Process.Actions.NoteDelivery(signal);
        bool isKnown = thread.Process.FollowsMasks && action.Handler > SignalAction.Ignore;
        thread.Mask = isKnown && Ptrace.GetSignalMask(thread.Id, out ulong mask) == Errno.None
            ? mask | action.Mask | ((action.Flags & SignalAction.NoDefer) != 0 ? 0 : Bit(signal)) : null;
    }

    private static void Restore(PtraceThread thread, SignalActions actions, int signal, ulong? before)
    {
        bool isReset = actions.IsReset(thread.Process.Id, signal);
        if (!isReset && before is null)
        {
            return;
        }

        // What is ignored always goes, and tells nothing of the mask.
        SignalAction action = actions[signal];
        bool wasBlocked = before is { } known ? (known & Bit(signal)) != 0 : action.Handler > SignalAction.Ignore
            && !MayBeOfAnother(thread);
        if (isReset)
        {
            FollowMasks(thread);
            Set(thread, signal, action);
        }

        if (wasBlocked && Ptrace.GetSignalMask(thread.Id, out ulong mask) == Errno.None)
        {
            thread.Mask = before ?? (mask | Bit(signal));
            _ = Ptrace.SetSignalMask(thread.Id, mask | Bit(signal));
        }
    }

    private static void FollowMasks(PtraceThread thread)
    {
        if (!thread.Process.FollowsMasks && thread.Process.Memory.Table is not null)
        {
            thread.Process.FollowsMasks = true;
            FilterInstallation.Install(thread, thread.MaskFilter);
        }
    }

    // The program's own: it ends, unless it was another thread's stop that has changed the action.
    private static void Settle(PtraceThread thread, SignalActions actions, int signal)
    {
        if (!actions.IsReset(thread.Process.Id, signal))
        {
            return;
        }

        bool ends = actions[signal].Handler == SignalAction.Ignore
            || (thread.Mask is { } known ? (known & Bit(signal)) != 0 : !MayBeOfAnother(thread));
        if (ends)
        {
            actions[signal] = default;
        }
        else
        {
            Set(thread, signal, actions[signal]);
        }
    }

    // Stopped, and not answered yet: also one that was to be held and had met something.
    private static bool MayBeOfAnother(PtraceThread thread) => Others(thread).Any(other => other.Forced != 0 || other.HasParkedStop
        || (!other.Stopped && HostKernel.StatusField(other.Id, "State:")?.StartsWith('t') == true));

    private static void Set(PtraceThread thread, int signal, SignalAction action)
    {
        const ulong maskLength = sizeof(ulong);
        if (thread.Process.Memory.Table is not null)
        {
            _ = new RemoteCalls().WithData(MemoryMarshal.AsBytes(new ReadOnlySpan<SignalAction>(in action)))
                .Add(SystemCall.RtSigaction, (ulong)signal, RemoteCalls.DataAddress, 0, maskLength).Run(thread);
        }
    }

    private static IEnumerable<PtraceThread> Others(PtraceThread thread) => thread.Process.Held.Where(other => other != thread)
        .Cast<PtraceThread>();

    private static ulong Bit(int signal) => 1UL << (signal - 1);
}
