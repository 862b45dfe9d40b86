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
    /// <param name="waiting">What waits for it; null for a new child.</param>
    /// <param name="make">Makes the thread that will execute it.</param>
    /// <returns>Its thread.</returns>
    public static PtraceThread Start(ProgramInvocation program, Waits waits, byte[] filter, IStartingProgram? waiting,
        Func<int, PtraceThread> make)
    {
        using IStartingProgram starting = waiting ?? StartingProgram.Start();
        return Start(program, waits, starting, make, thread => InstallBaseFilter(thread, filter));
    }

    /// <summary>The same, of what waits.</summary>
    /// <param name="program">What.</param>
    /// <param name="waits">Where its first stop goes.</param>
    /// <param name="starting">What waits for it.</param>
    /// <param name="make">Makes the thread that will execute it.</param>
    /// <param name="install">Installs the filter.</param>
    public static PtraceThread Start(ProgramInvocation program, Waits waits, IStartingProgram starting, Func<int, PtraceThread> make,
        Action<PtraceThread> install)
    {
        int id = starting.Id;
        Errno error = Ptrace.Seize(id);
        if (error != Errno.None)
        {
            starting.Kill();
            throw new LinuxException("ptrace(PTRACE_SEIZE)", error);
        }

        try
        {
            return Begin(program, waits, starting, make, install);
        }
        catch
        {
            starting.Kill();
            throw;
        }
    }

    private static PtraceThread Begin(ProgramInvocation program, Waits waits, IStartingProgram starting, Func<int, PtraceThread> make,
        Action<PtraceThread> install)
    {
        int id = starting.Id;
        starting.StopItself();
        List<(int, SignalInformation)> deferred = WaitForStop(id, isForeign: starting is JoiningProgram);
        PtraceThread thread = make(id);
        thread.Process.Held.Add(thread);
        foreach ((int, SignalInformation) signal in deferred)
        {
            thread.Deferred.Enqueue(signal);
        }

        _ = Bootstrap.Call(thread, SystemCall.Close, (ulong)starting.Inherited);
        install(thread);
        foreach (ResourceLimit limit in program.Limits)
        {
            _ = limit.Apply(id);
        }

        InitialExec.Perform(waits, thread, program);
        return thread;
    }

    // The stop is its own; what others send meanwhile the program gets. What this process did not start itself may be anything.
    private static List<(int, SignalInformation)> WaitForStop(int id, bool isForeign)
    {
        const int milliseconds = 5000, pause = 200;
        long end = Environment.TickCount64 + milliseconds;
        var others = new List<(int, SignalInformation)>();
        for (int waited; (waited = Ptrace.Wait(id, block: !isForeign, out WaitStatus status)) >= 0;)
        {
            if (waited == 0 && Environment.TickCount64 < end)
            {
                HostKernel.Rest(pause);
                continue;
            }

            if (waited != id || !status.Stopped)
            {
                break;
            }

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
        long result = BareFilter.Install(thread, program, 0, address, (call, with) => Bootstrap.Call(thread, call, with));
        if (result < 0)
        {
            throw new LinuxException("seccomp(SECCOMP_SET_MODE_FILTER)", (Errno)(-result));
        }
    }
}
