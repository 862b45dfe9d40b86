using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Starts the program: a stopped shell is seized, given the base filter, and made to exec it.</summary>
internal static class ProgramStart
{
    public static int Start(Tracer tracer, ProgramInvocation program)
    {
        int id = Spawn.Stopped();
        byte[] filter = SyscallFilter.Base(); // while the shell starts
        WaitForStop(id);
        Errno error = Ptrace.Seize(id);
        if (error != Errno.None)
        {
            _ = HostKernel.Kill(id, Signal.SIGKILL);
            throw new LinuxException("ptrace(PTRACE_SEIZE)", error);
        }

        _ = Ptrace.Interrupt(id);
        _ = Ptrace.Wait(id, block: true, out _);
        var space = new AddressSpace(tracer.Machine, id);
        Processes.Use(space);
        TracedThread thread = tracer.Processes.Add(id, new TracedProcess(id, space));
        _ = HostKernel.Kill(id, Signal.SIGCONT);
        InstallBaseFilter(thread, filter);
        foreach (ResourceLimit limit in program.Limits)
        {
            _ = limit.Apply(id);
        }

        InitialExec.Perform(tracer.Waits, thread, program);
        return id;
    }

    private static void WaitForStop(int id)
    {
        if (!HostKernel.WaitUntilStopped(id))
        {
            throw new LinuxException("wait4", Errno.ECHILD);
        }
    }

    private static void InstallBaseFilter(TracedThread thread, byte[] program)
    {
        ulong address = (thread.Peek().Rsp - 8192) & ~15UL;
        byte[] data = new byte[16 + program.Length];
        BitConverter.TryWriteBytes(data.AsSpan(0), (ushort)(program.Length / 8));
        BitConverter.TryWriteBytes(data.AsSpan(8), address + 16);
        program.CopyTo(data, 16);
        _ = thread.Space.Memory.TryWrite(address, data);
        const ulong setModeFilter = 1, setNoNewPrivileges = 38;
        long result = Bootstrap.Call(thread, SystemCall.Seccomp, setModeFilter, 0, address);
        if (result < 0)
        {
            // Without CAP_SYS_ADMIN a filter needs no_new_privs. seccomp(2).
            _ = Bootstrap.Call(thread, SystemCall.Prctl, setNoNewPrivileges, 1);
            result = Bootstrap.Call(thread, SystemCall.Seccomp, setModeFilter, 0, address);
        }

        if (result < 0)
        {
            throw new LinuxException("seccomp(SECCOMP_SET_MODE_FILTER)", (Errno)(-result));
        }
    }
}
