using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Single system calls in a thread whose address space has no area yet: before the first exec, and right after each.</summary>
internal static class Bootstrap
{
    /// <summary>Makes one system call with a SYSCALL instruction poked at RIP; registers, memory and stop are given back.</summary>
    public static long Call(PtraceThread thread, long number, params ReadOnlySpan<ulong> arguments)
    {
        ulong rip = thread.Peek().Rip;
        Span<byte> code = stackalloc byte[2];
        RemoteMemory memory = thread.Process.Memory.Bytes;
        if (!memory.TryPeek(rip, code) || !memory.TryPoke(rip, [0x0f, 0x05]))
        {
            throw new ThreadEndedException(thread.Id);
        }

        long result = CallAt(rip, thread, number, arguments);
        _ = memory.TryPoke(rip, code);
        return result;
    }

    /// <summary>Makes one system call with a SYSCALL instruction that is there already.</summary>
    public static long CallAt(ulong instruction, PtraceThread thread, long number, params ReadOnlySpan<ulong> arguments)
    {
        UserRegisters saved = thread.Peek();
        UserRegisters at = saved;
        at.Rip = instruction;
        at.OrigRax = ulong.MaxValue;
        at.Rax = (ulong)number;
        at.Rdi = arguments.Length > 0 ? arguments[0] : 0;
        at.Rsi = arguments.Length > 1 ? arguments[1] : 0;
        at.Rdx = arguments.Length > 2 ? arguments[2] : 0;
        at.R10 = arguments.Length > 3 ? arguments[3] : 0;
        at.R8 = arguments.Length > 4 ? arguments[4] : 0;
        at.R9 = arguments.Length > 5 ? arguments[5] : 0;
        Check(thread, Ptrace.SetRegisters(thread.Id, in at));
        int stops = 0;
        while (stops < 2)
        {
            Check(thread, Ptrace.ContinueToSyscall(thread.Id, 0));
            int waited = thread.Wait(out WaitStatus status);
            if (waited < 0 || !status.Stopped || status.Event == PtraceEvent.Exec)
            {
                throw new ThreadEndedException(thread.Id, waited < 0 ? null : TracedEvent.Of(waited, status));
            }

            if (status.Event == PtraceEvent.None && status.StopSignal == (Signal.SIGTRAP | 0x80))
            {
                stops++;
            }
            else if (status.Event == PtraceEvent.None)
            {
                _ = Ptrace.GetSignal(thread.Id, out SignalInformation information);
                thread.Defer(information);
            }
        }

        Check(thread, Ptrace.GetRegisters(thread.Id, out UserRegisters after));
        saved.OrigRax = ulong.MaxValue;
        thread.Registers = saved;
        Check(thread, Ptrace.SetRegisters(thread.Id, in saved));
        return (long)after.Rax;
    }

    private static void Check(PtraceThread thread, Errno error)
    {
        if (error != Errno.None)
        {
            throw new ThreadEndedException(thread.Id);
        }
    }
}
