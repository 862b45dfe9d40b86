namespace Cloister.Linux;

/// <summary>Ends this process as a program was ended.</summary>
public static unsafe class Termination
{
    /// <summary>Ends this process by a signal's default action, without a core file: the program's own is the one of interest.</summary>
    /// <remarks>Returns only where the kernel ignores the signal: for the first process of a container.</remarks>
    /// <param name="signal">1 to 64, one whose default action ends a process.</param>
    public static void BySignal(int signal)
    {
        const long setResourceLimit = 160, core = 4, sigaction = 13, sigprocmask = 14, unblock = 1, setSize = 8;
        ulong* none = stackalloc ulong[2] { 0, 0 };
        _ = NativeMethods.SystemCall(setResourceLimit, core, (long)none, 0, 0, 0, 0);

        // struct kernel_sigaction: handler (0 is SIG_DFL), flags, restorer, mask.
        ulong* action = stackalloc ulong[4] { 0, 0, 0, 0 };
        _ = NativeMethods.SystemCall(sigaction, signal, (long)action, 0, setSize, 0, 0);
        ulong mask = 1UL << (signal - 1);
        _ = NativeMethods.SystemCall(sigprocmask, unblock, (long)&mask, 0, setSize, 0, 0);
        _ = HostKernel.KillThread(Environment.ProcessId, HostKernel.CurrentThread, signal);
    }
}
