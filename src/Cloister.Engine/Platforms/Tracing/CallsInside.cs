using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Makes a system call inside an enclave stop, where SYSCALL is #UD. SDM 3D, "Illegal Instructions".</summary>
/// <remarks>
/// By syscall user dispatch, which a tracer can set since Linux 6.4 (PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG) and
/// which asks whether the thread is inside: its slot in the fast path's tables says so, else it is set and taken back as the thread enters
/// and leaves. What the thread does outside costs as much however many enclaves there are. Before, seccomp filters ask where each call of
/// the process comes from, and stay for ever: a few of them at most (<see cref="CoveredRanges"/>).
/// </remarks>
internal static class CallsInside
{
    private static bool? _dispatches;

    /// <summary>Whether the kernel lets a tracer do it; asked with a stopped thread.</summary>
    public static bool AreDispatched(IHeldThread thread) => _dispatches ??= Environment.GetEnvironmentVariable("CLOISTER_DISPATCH") != "no"
        && Ptrace.IsDispatching(thread.Id, out _) == Errno.None;

    /// <summary>Before a thread runs on.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="wanted">The selector that it is to have.</param>
    /// <param name="current">The selector that it has: 0 for none.</param>
    /// <returns>The selector that it has now, <see cref="Always"/> without one.</returns>
    public static ulong Update(IHeldThread thread, ulong wanted, ulong current)
    {
        if (wanted == current || !AreDispatched(thread))
        {
            return current;
        }

        // A program may have a dispatch of its own, which is left alone.
        if (current == 0 && (Ptrace.IsDispatching(thread.Id, out bool itself) != Errno.None || itself))
        {
            return 0;
        }

        const ulong gadgetLength = 4096;
        Errno error = wanted == 0 ? Ptrace.StopDispatching(thread.Id)
            : Ptrace.DispatchSystemCalls(thread.Id, wanted == Always ? 0 : wanted, Area.Gadget, gadgetLength);
        return error == Errno.None ? wanted : current;
    }

    /// <summary>Lets the gadget's calls pass where the program has a dispatch of its own: prctl(2), PR_SET_SYSCALL_USER_DISPATCH.</summary>
    /// <returns>Whether there is one, which has to be given back.</returns>
    public static bool Suspend(IHeldThread thread, Span<ulong> configuration) => AreDispatched(thread)
        && Ptrace.GetDispatch(thread.Id, configuration) == Errno.None && configuration[0] != 0 && configuration[2] != Area.Gadget
        && Ptrace.StopDispatching(thread.Id) == Errno.None;

    /// <summary>Stands for a dispatch without a selector.</summary>
    public const ulong Always = ulong.MaxValue;

    /// <summary>An enclave was initialized: where calls are not dispatched it takes a filter.</summary>
    public static void Refuse(IHeldThread thread, ulong start, ulong size)
    {
        if (!AreDispatched(thread) && thread.Process.Covered.Add(start, size))
        {
            FilterInstallation.Install(thread, SyscallFilter.Elrange(start, size));
        }
    }
}
