using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>System calls that ended with ERESTARTSYS and its like, which no program ever sees: the kernel makes them
/// again or gives EINTR.</summary>
internal static class CallRestart
{
    /// <summary>Whether a result says so.</summary>
    public static bool IsAsked(long result) => -result is (long)Errno.ERESTARTSYS or (long)Errno.ERESTARTNOINTR
        or (long)Errno.ERESTARTNOHAND
        or (long)Errno.ERESTART_RESTARTBLOCK;

    /// <summary>Leaves a thread, at the exit of some other call, to the kernel's judgement on the one that it was in.</summary>
    /// <remarks>
    /// It decides where it looks for signals (arch/x86/kernel/signal.c, arch_do_signal_or_restart). The signal for
    /// which the call ended may be another thread's by now, or have been cancelled by SIGCONT; then the kernel would
    /// not look, were there not an interrupt of ours.
    /// </remarks>
    public static void Leave(IHeldThread thread, ulong number, long result)
    {
        ref UserRegisters r = ref thread.Registers;
        (r.OrigRax, r.Rax) = (number, unchecked((ulong)result));
        _ = Ptrace.Interrupt(thread.Id);
    }
}
