using System.Runtime.InteropServices;

namespace Cloister.Linux;

/// <summary>
/// The kernel's <c>siginfo_t</c>, 128 bytes, as far as faults and system calls fill it. Source: uapi asm-generic/siginfo.h.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 128)]
public struct SignalInformation
{
    /// <summary>Signal number.</summary>
    [FieldOffset(0)] public int Signal;

    /// <summary>errno, mostly 0.</summary>
    [FieldOffset(4)] public int Error;

    /// <summary>Why: positive from the kernel, 0 or negative from a process.</summary>
    [FieldOffset(8)] public int Code;

    /// <summary>The address of a fault (si_addr).</summary>
    [FieldOffset(16)] public ulong Address;

    /// <summary>The process that sent it (si_pid), where <see cref="Code"/> is 0 or negative; 0 for a keyboard's.</summary>
    [FieldOffset(16)] public int Sender;

    /// <summary>For SIGBUS and SIGSEGV of the kernel: the least significant bit of the address, then bounds or key.</summary>
    [FieldOffset(24)] public ulong Detail;

    /// <summary>
    /// Whether an instruction of the thread raised it, as far as the kernel can tell. kernel/signal.c, SYNCHRONOUS_MASK and
    /// dequeue_synchronous_signal.
    /// </summary>
    public readonly bool IsSynchronous => Code > 0
        && Signal is Linux.Signal.SIGILL or Linux.Signal.SIGTRAP or Linux.Signal.SIGBUS or Linux.Signal.SIGFPE or Linux.Signal.SIGSEGV
        or Linux.Signal.SIGSYS;

    /// <summary>SI_USER: si_code of kill(2).</summary>
    public const int SiUser = 0;
    /// <summary>si_code of a kernel-sent signal of no special cause.</summary>
    public const int SiKernel = 0x80;
    /// <summary>SEGV_MAPERR.</summary>
    public const int SegvMapError = 1;
    /// <summary>SEGV_ACCERR.</summary>
    public const int SegvAccessError = 2;
    /// <summary>BUS_ADRERR.</summary>
    public const int BusAddressError = 2;
    /// <summary>ILL_ILLOPN.</summary>
    public const int IllegalOperand = 2;
    /// <summary>SYS_USER_DISPATCH.</summary>
    public const int UserDispatch = 2;
    /// <summary>TRAP_BRKPT.</summary>
    public const int TrapBreakpoint = 1;
    /// <summary>TRAP_TRACE.</summary>
    public const int TrapTrace = 2;
    /// <summary>TRAP_HWBKPT.</summary>
    public const int TrapHardwareBreakpoint = 4;
}
