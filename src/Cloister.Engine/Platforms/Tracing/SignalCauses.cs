using Cloister.Engine.Memory;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Tells signals that an instruction raised from those that were sent with a code of the kernel's, by rt_sigqueueinfo(2) or F_SETSIG.</summary>
internal static class SignalCauses
{
    /// <summary>SIGSYS of a dispatched call; the kernel has put RAX back (kernel/entry/syscall_user_dispatch.c).</summary>
    public static bool IsCallInside(TracedThread thread, int signal, in SignalInformation information) =>
        signal == Linux.Signal.SIGSYS && information.Code == SignalInformation.UserDispatch && IsOfSystemCall(thread);

    /// <summary>Whether an instruction raised it.</summary>
    /// <remarks>The kernel notes no system call at an exception (arch/x86/entry/entry_64.S), and tells of the instruction
    /// (arch/x86/kernel/traps.c), but for #GP, INT3 and #AC.</remarks>
    public static bool IsException(TracedThread thread, in SignalInformation information)
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
            Linux.Signal.SIGTRAP => information.Code is SignalInformation.TrapBreakpoint or SignalInformation.TrapTrace or SignalInformation.TrapHardwareBreakpoint && IsHere(thread, information),
            _ => false,
        };
    }

    /// <summary>Whether a thread stands behind CD 03, which is INT n and no INT3.</summary>
    public static bool IsTwoByteBreakpoint(TracedThread thread)
    {
        Span<byte> code = stackalloc byte[2];
        return InstructionFetch.Read(thread.Space, thread.Peek().Rip - 2, code) == 2 && code is [0xcd, 0x03];
    }

    private static bool IsOfSystemCall(TracedThread thread) => (long)thread.Peek().OrigRax >= 0;

    private static bool IsHere(TracedThread thread, in SignalInformation information) => thread.LeftStub || information.Address == thread.Peek().Rip;

    private static bool IsBehindBreakpoint(TracedThread thread)
    {
        const byte int3 = 0xcc;
        Span<byte> code = stackalloc byte[1];
        return IsTwoByteBreakpoint(thread) || (InstructionFetch.Read(thread.Space, thread.Peek().Rip - 1, code) == 1 && code[0] == int3);
    }
}
