using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Tells signals that an instruction raised from those that were sent with a code of the kernel's, by
/// rt_sigqueueinfo(2) or F_SETSIG.</summary>
internal static class SignalCauses
{
    /// <summary>SIGSYS of a dispatched call; the kernel has put RAX back (kernel/entry/syscall_user_dispatch.c).</summary>
    public static bool IsCallInside(IHeldThread thread, int signal, in SignalInformation information) =>
        signal == Linux.Signal.SIGSYS && information.Code == SignalInformation.UserDispatch && IsOfSystemCall(thread);

    /// <summary>Whether an instruction raised it.</summary>
    /// <remarks>The kernel notes no system call at an exception (arch/x86/entry/entry_64.S), and tells of the instruction
    /// (arch/x86/kernel/traps.c), but for #GP, INT3 and #AC.</remarks>
    public static bool IsException(IHeldThread thread, in SignalInformation information)
    {
        if (information.Code <= 0 || IsOfSystemCall(thread))
        {
            return false;
        }

        return information.Signal switch
        {
            Linux.Signal.SIGSEGV or Linux.Signal.SIGBUS => true,
            Linux.Signal.SIGILL => information.Code == SignalInformation.IllegalOperand && IsHere(thread, information),
            Linux.Signal.SIGFPE => IsHere(thread, information),
            Linux.Signal.SIGTRAP when information.Code == SignalInformation.SiKernel => IsBehindBreakpoint(thread),
            Linux.Signal.SIGTRAP => information.Code is SignalInformation.TrapBreakpoint or SignalInformation.TrapTrace
                or SignalInformation.TrapHardwareBreakpoint && IsHere(thread, information),
            _ => false,
        };
    }

    private static bool IsOfSystemCall(IHeldThread thread) => (long)thread.Peek().OrigRax >= 0;

    private static bool IsHere(IHeldThread thread, in SignalInformation information) => thread.WasMoved
        || information.Address == thread.Peek().Rip;

    private static bool IsBehindBreakpoint(IHeldThread thread)
    {
        const byte int3 = 0xcc;
        Span<byte> code = stackalloc byte[1];
        return thread.Process.Memory.IsBehindTwoByteBreakpoint(thread.Peek().Rip)
            || (thread.Process.Memory.ReadCode(thread.Peek().Rip - 1, code) == 1 && code[0] == int3);
    }
}
