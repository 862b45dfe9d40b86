namespace Cloister.Linux;

/// <summary>A process that stands between this one and a program that is not traced: the parent of the program and of whatever that
/// leaves behind. It tells of the program's end and of signals to its group,
/// and when this process ends, however that comes, it ends them all.</summary>
/// <remarks>A tracer has PTRACE_O_EXITKILL for that, and every signal's sender.</remarks>
public sealed unsafe class Keeper : IStartingProgram
{
    private readonly int _process, _report;
    private int _commands;

    private Keeper(int process, int id, int inherited, int commands, int report) =>
        (_process, Id, Inherited, _commands, _report) = (process, id, inherited, commands, report);

    /// <summary>The process that is to become the program.</summary>
    public int Id { get; }

    /// <inheritdoc/>
    public int Inherited { get; }

    /// <summary>Starts one, and what is to become the program.</summary>
    /// <exception cref="LinuxException">There can be none.</exception>
    public static Keeper Start()
    {
        (int waited, int commands) = StartingProgram.Pipe();
        (int report, int told) = StartingProgram.Pipe();
        int error = StartingProgram.Spawn(KeeperImage.Of(Environment.ProcessId, told, waited), [waited, told], out int process);
        HostKernel.Close(waited);
        HostKernel.Close(told);
        var keeper = new Keeper(process, error == 0 && Read(report) is (KeeperImage.Forked, var id) ? id : 0, waited, commands, report);
        if (keeper.Id != 0)
        {
            return keeper;
        }

        keeper.Dispose();
        HostKernel.Close(report);
        throw new LinuxException("posix_spawn", error == 0 ? Errno.EAGAIN : (Errno)error);
    }

    /// <summary>Waits for what it tells. To be called by one thread.</summary>
    /// <param name="end">How the program ended, where it did.</param>
    /// <param name="signal">A signal that was sent to its process group, where that is it; else 0.</param>
    /// <returns>False when there is no more to come.</returns>
    public bool Next(out WaitStatus? end, out int signal)
    {
        (end, signal) = (null, 0);
        if (Read(_report) is not (var kind, var value))
        {
            return false;
        }

        (end, signal) = kind switch
        {
            KeeperImage.Ended => (new WaitStatus(value), 0),
            KeeperImage.Signalled => (null, value),
            _ => (end, 0),
        };
        return true;
    }

    /// <summary>Has it end whatever it keeps, and itself.</summary>
    public void EndAll() => _ = HostKernel.Kill(_process, KeeperImage.End);

    /// <inheritdoc/>
    public void StopItself()
    {
        const long write = 1;
        byte command = 1;
        _ = NativeMethods.SystemCall(write, _commands, (long)&command, 1, 0, 0, 0);
    }

    /// <inheritdoc/>
    public void Kill()
    {
        _ = HostKernel.Kill(Id, Signal.SIGKILL);
        EndAll();
    }

    /// <summary>Leaves what it forked without commands: unless it is stopped it ends.</summary>
    public void Dispose()
    {
        if (_commands >= 0)
        {
            HostKernel.Close(_commands);
            _commands = -1;
        }
    }

    private static (int Kind, int Value)? Read(int descriptor)
    {
        const long read = 0;
        int* words = stackalloc int[2];
        long got;
        do
        {
            got = NativeMethods.SystemCall(read, descriptor, (long)words, 8, 0, 0, 0);
        }
        while (got < 0 && NativeMethods.LastError == Errno.EINTR);

        return got == 8 ? (words[0], words[1]) : null;
    }
}
