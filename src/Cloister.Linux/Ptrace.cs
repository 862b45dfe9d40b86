namespace Cloister.Linux;

/// <summary>ptrace(2) as Cloister uses it. All calls must come from the one thread that seized the program.</summary>
/// <remarks>
/// A thread that was killed answers ESRCH: that is a value here (<see cref="Errno.ESRCH"/>), not an exception, because it can happen at
/// every call.
/// </remarks>
public static unsafe class Ptrace
{
    private const long PokeUser = 6, Cont = 7, SingleStepRequest = 9, GetRegs = 12, SetRegs = 13, DetachRequest = 17, SyscallRequest = 24;
    private const long GetEventMessageRequest = 0x4201, GetSigInfo = 0x4202, SetSigInfo = 0x4203;
    private const long GetRegset = 0x4204, SetRegset = 0x4205, SeizeRequest = 0x4206, InterruptRequest = 0x4207, ListenRequest = 0x4208;
    private const long PeekSigInfo = 0x4209, GetSigMask = 0x420a, SetSigMask = 0x420b;
    private const long SetDispatchRequest = 0x4210, GetDispatchRequest = 0x4211;
    private const int NtX86Xstate = 0x202;

    [Flags]
    private enum Options
    {
        TraceSysGood = 1,
        TraceFork = 1 << 1,
        TraceVfork = 1 << 2,
        TraceClone = 1 << 3,
        TraceExec = 1 << 4,
        TraceVforkDone = 1 << 5,
        TraceSeccomp = 1 << 7,
        ExitKill = 1 << 20,
    }

    /// <summary>Attaches without stopping; children, exec and seccomp TRACE are reported, and the program dies with the tracer.</summary>
    public static Errno Seize(int thread) => Call(SeizeRequest, thread, 0, (nint)(Options.TraceSysGood | Options.TraceFork
        | Options.TraceVfork | Options.TraceVforkDone | Options.TraceClone | Options.TraceExec | Options.TraceSeccomp | Options.ExitKill));

    /// <summary>Traces a thread that stands no more: it runs, with a signal or 0.</summary>
    public static Errno Detach(int thread, int signal) => Call(DetachRequest, thread, 0, signal);

    /// <summary>Lets the thread run, with a signal or 0.</summary>
    public static Errno Continue(int thread, int signal) => Call(Cont, thread, 0, signal);

    /// <summary>Lets the thread run to the next entry into or return from a system call.</summary>
    public static Errno ContinueToSyscall(int thread, int signal) => Call(SyscallRequest, thread, 0, signal);

    /// <summary>Lets the thread execute one instruction.</summary>
    public static Errno SingleStep(int thread, int signal) => Call(SingleStepRequest, thread, 0, signal);

    /// <summary>Stops a running thread with <see cref="PtraceEvent.Stop"/>.</summary>
    public static Errno Interrupt(int thread) => Call(InterruptRequest, thread, 0, 0);

    /// <summary>Leaves a thread in its group stop while it goes on reporting.</summary>
    public static Errno Listen(int thread) => Call(ListenRequest, thread, 0, 0);

    /// <summary>Reads the general registers.</summary>
    public static Errno GetRegisters(int thread, out UserRegisters registers)
    {
        fixed (UserRegisters* p = &registers)
        {
            return Call(GetRegs, thread, 0, (nint)p);
        }
    }

    /// <summary>Writes the general registers.</summary>
    public static Errno SetRegisters(int thread, in UserRegisters registers)
    {
        fixed (UserRegisters* p = &registers)
        {
            return Call(SetRegs, thread, 0, (nint)p);
        }
    }

    /// <summary>
    /// Writes a debug register: 0 to 3 are addresses, 7 enables them. The thread has them until it ends or execs; its children do not.
    /// </summary>
    public static Errno SetDebugRegister(int thread, int register, ulong value)
    {
        const int offset = 848; // of u_debugreg in struct user: arch/x86/include/asm/user_64.h
        return Call(PokeUser, thread, offset + register * sizeof(ulong), (nint)value);
    }

    /// <summary>Reads the extended state in the standard (non-compacted) XSAVE format. <paramref name="length"/> is in bytes.</summary>
    public static Errno GetExtendedState(int thread, Span<byte> area, out int length)
    {
        fixed (byte* p = area)
        {
            var vector = stackalloc nint[2] { (nint)p, area.Length };
            Errno error = Call(GetRegset, thread, NtX86Xstate, (nint)vector);
            length = (int)vector[1];
            return error;
        }
    }

    /// <summary>Writes the extended state in the standard XSAVE format.</summary>
    public static Errno SetExtendedState(int thread, ReadOnlySpan<byte> area)
    {
        fixed (byte* p = area)
        {
            var vector = stackalloc nint[2] { (nint)p, area.Length };
            return Call(SetRegset, thread, NtX86Xstate, (nint)vector);
        }
    }

    /// <summary>Reads the information of the signal at which the thread is stopped.</summary>
    public static Errno GetSignal(int thread, out SignalInformation information)
    {
        fixed (SignalInformation* p = &information)
        {
            return Call(GetSigInfo, thread, 0, (nint)p);
        }
    }

    /// <summary>Changes the information of the signal at which the thread is stopped.</summary>
    public static Errno SetSignal(int thread, in SignalInformation information)
    {
        fixed (SignalInformation* p = &information)
        {
            return Call(SetSigInfo, thread, 0, (nint)p);
        }
    }

    /// <summary>Reads the information of signals that wait for a stopped thread itself, oldest first.</summary>
    /// <param name="thread">A stopped thread.</param>
    /// <param name="from">How many are passed over.</param>
    /// <param name="pending">Receives them.</param>
    /// <returns>How many were read; 0 also for a thread that was killed.</returns>
    public static int PeekSignals(int thread, int from, Span<SignalInformation> pending)
    {
        var arguments = stackalloc long[2] { from, (long)pending.Length << 32 }; // of the thread's own queue
        fixed (SignalInformation* p = pending)
        {
            return Math.Max(0, (int)NativeMethods.Ptrace(PeekSigInfo, thread, (nint)arguments, (nint)p));
        }
    }

    /// <summary>Reads the set of blocked signals; bit n-1 is signal n.</summary>
    public static Errno GetSignalMask(int thread, out ulong mask)
    {
        fixed (ulong* p = &mask)
        {
            return Call(GetSigMask, thread, sizeof(ulong), (nint)p);
        }
    }

    /// <summary>Writes the set of blocked signals.</summary>
    public static Errno SetSignalMask(int thread, ulong mask) => Call(SetSigMask, thread, sizeof(ulong), (nint)(&mask));

    /// <summary>Makes the system calls of a thread SIGSYS (syscall user dispatch), but for those made in a range of code.</summary>
    /// <param name="thread">A stopped thread.</param>
    /// <param name="selector">The address of a byte of its memory that says whether (1) or not (0); 0 for always.</param>
    /// <param name="start">First byte of that code.</param>
    /// <param name="length">Its bytes.</param>
    /// <returns>EIO before Linux 6.4.</returns>
    public static Errno DispatchSystemCalls(int thread, ulong selector, ulong start, ulong length)
    {
        var configuration = stackalloc ulong[4] { 1, selector, start, length };
        return Call(SetDispatchRequest, thread, 4 * sizeof(ulong), (nint)configuration);
    }

    /// <summary>Ends that.</summary>
    public static Errno StopDispatching(int thread)
    {
        var configuration = stackalloc ulong[4];
        return Call(SetDispatchRequest, thread, 4 * sizeof(ulong), (nint)configuration);
    }

    /// <summary>Whether a thread's system calls are dispatched now.</summary>
    public static Errno IsDispatching(int thread, out bool dispatching)
    {
        Span<ulong> configuration = stackalloc ulong[DispatchLength];
        Errno error = GetDispatch(thread, configuration);
        dispatching = configuration[0] != 0;
        return error;
    }

    /// <summary>
    /// The words of a dispatch: whether it is on, its selector, and where calls pass. uapi linux/ptrace.h, ptrace_sud_config.
    /// </summary>
    public const int DispatchLength = 4;

    /// <summary>Reads how a thread's system calls are dispatched.</summary>
    public static Errno GetDispatch(int thread, Span<ulong> configuration)
    {
        fixed (ulong* p = configuration)
        {
            return Call(GetDispatchRequest, thread, DispatchLength * sizeof(ulong), (nint)p);
        }
    }

    /// <summary>Makes that so.</summary>
    public static Errno SetDispatch(int thread, ReadOnlySpan<ulong> configuration)
    {
        fixed (ulong* p = configuration)
        {
            return Call(SetDispatchRequest, thread, DispatchLength * sizeof(ulong), (nint)p);
        }
    }

    /// <summary>The message of an event: the new child's id, or the former id at exec.</summary>
    public static Errno GetEventMessage(int thread, out ulong message)
    {
        fixed (ulong* p = &message)
        {
            return Call(GetEventMessageRequest, thread, 0, (nint)p);
        }
    }

    /// <summary>
    /// Waits for any traced thread or child. Returns its id, 0 when <paramref name="block"/> is false and nothing happened, or minus an
    /// errno.
    /// </summary>
    public static int Wait(int thread, bool block, out WaitStatus status)
    {
        int result;
        do
        {
            result = WaitOnce(thread, block, out status);
        }
        while (result == -(int)Errno.EINTR);
        return result;
    }

    /// <summary>The same, until a signal comes to this thread: EINTR.</summary>
    public static int WaitOnce(int thread, bool block, out WaitStatus status)
    {
        const int wall = 0x40000000, noHang = 1;
        int raw = 0;
        int result = NativeMethods.Wait4(thread, &raw, wall | (block ? 0 : noHang), null);
        status = new WaitStatus(raw);
        return result < 0 ? -(int)NativeMethods.LastError : result;
    }

    private static Errno Call(long request, int thread, nint address, nint data) =>
        NativeMethods.Ptrace(request, thread, address, data) < 0 ? NativeMethods.LastError : Errno.None;
}
