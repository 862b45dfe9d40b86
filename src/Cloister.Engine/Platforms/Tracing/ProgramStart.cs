using Cloister.Engine.Options;
using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Starts the program: what waits for it is seized, given the base filter, and made to exec it.</summary>
internal static class ProgramStart
{
    /// <summary>Starts a program.</summary>
    /// <param name="program">What.</param>
    /// <param name="waits">Where its first stop goes.</param>
    /// <param name="filter">What stops.</param>
    /// <param name="make">Makes the thread that will execute it.</param>
    /// <returns>Its thread.</returns>
    public static PtraceThread Start(ProgramInvocation program, Waits waits, byte[] filter, Func<int, PtraceThread> make)
    {
        using var starting = StartingProgram.Start();
        int id = starting.Id;
        Errno error = Ptrace.Seize(id);
        if (error != Errno.None)
        {
            starting.End();
            throw new LinuxException("ptrace(PTRACE_SEIZE)", error);
        }

        try
        {
            return Start(program, waits, filter, starting, make);
        }
        catch
        {
            starting.End();
            throw;
        }
    }

    private static PtraceThread Start(ProgramInvocation program, Waits waits, byte[] filter, StartingProgram starting,
        Func<int, PtraceThread> make)
    {
        int id = starting.Id;
        starting.StopItself();
        List<(int, SignalInformation)> deferred = WaitForStop(id);
        PtraceThread thread = make(id);
        thread.Process.Held.Add(thread);
        foreach ((int, SignalInformation) signal in deferred)
        {
            thread.Deferred.Enqueue(signal);
        }

        _ = Bootstrap.Call(thread, SystemCall.Close, (ulong)starting.Inherited);
        InstallBaseFilter(thread, filter);
        foreach (ResourceLimit limit in program.Limits)
        {
            _ = limit.Apply(id);
        }

        InitialExec.Perform(waits, thread, program);
        return thread;
    }

    // The stop is its own; what others send meanwhile the program gets.
    private static List<(int, SignalInformation)> WaitForStop(int id)
    {
        var others = new List<(int, SignalInformation)>();
        while (Ptrace.Wait(id, block: true, out WaitStatus status) == id && status.Stopped)
        {
            if (status.Event == PtraceEvent.None && Ptrace.GetSignal(id, out SignalInformation signal) == Errno.None)
            {
                if (signal.Signal == Signal.SIGSTOP && signal.Sender == id)
                {
                    return others;
                }

                others.Add((signal.Signal, signal));
            }

            _ = Ptrace.Continue(id, 0);
        }

        throw new LinuxException("wait4", Errno.ECHILD);
    }

    private static void InstallBaseFilter(PtraceThread thread, byte[] program)
    {
        ulong address = (thread.Peek().Rsp - 8192) & ~15UL;
        byte[] data = new byte[16 + program.Length];
        BitConverter.TryWriteBytes(data.AsSpan(0), (ushort)(program.Length / 8));
        BitConverter.TryWriteBytes(data.AsSpan(8), address + 16);
        program.CopyTo(data, 16);
        _ = thread.Process.Memory.Bytes.TryWrite(address, data);
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
