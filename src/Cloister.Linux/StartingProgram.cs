using System.Globalization;
using System.Text;

namespace Cloister.Linux;

/// <summary>A program that waits to be seized, with an empty signal mask and the signal actions that this process was started with. Its
/// tracer makes of it what it likes.</summary>
/// <remarks>It waits for a pipe of which only this process has the other end: it ends with this process until it is traced, and
/// then by its tracer's end. .NET ignores SIGPIPE, and posix_spawn is the one way to start a child with its actions reset from managed
/// code. System.Diagnostics.Process cannot be used: it reaps the children of the whole process.</remarks>
public sealed unsafe class StartingProgram : IStartingProgram
{
    private int _commands;

    private StartingProgram(int id, int inherited, int commands) => (Id, Inherited, _commands) = (id, inherited, commands);

    /// <summary>Its process id.</summary>
    public int Id { get; }

    /// <summary>The descriptor that it waits for, which it still has.</summary>
    public int Inherited { get; }

    /// <summary>Starts one.</summary>
    /// <exception cref="LinuxException">There can be none.</exception>
    public static StartingProgram Start() => Start(fromMemory: true);

    /// <summary>Starts one, from memory if that may be, or the shell at once.</summary>
    internal static StartingProgram Start(bool fromMemory)
    {
        (int waited, int commands) = Pipe();

        // From memory: it needs no file of the system's. What forbids to execute memory (vm.memfd_noexec,
        // a security module) leaves the shell.
        int error = fromMemory ? Spawn(StartingImage.Of(waited), [waited], out int process) : Spawn(null, [waited], out process);
        if (error != 0 && fromMemory)
        {
            error = Spawn(null, [waited], out process);
        }

        HostKernel.Close(waited);
        if (error != 0)
        {
            HostKernel.Close(commands);
            throw new LinuxException("posix_spawn", (Errno)error);
        }

        return new StartingProgram(process, waited, commands);
    }

    /// <summary>A pipe of this process's only: where it is read, and where written.</summary>
    internal static (int Read, int Write) Pipe()
    {
        const long pipe2 = 293, closeOnExec = 0x80000;
        int* pipe = stackalloc int[2];
        return NativeMethods.SystemCall(pipe2, (long)pipe, closeOnExec, 0, 0, 0, 0) < 0
            ? throw new LinuxException("pipe2", NativeMethods.LastError) : (pipe[0], pipe[1]);
    }

    /// <summary>Starts a program with an empty signal mask and the actions that this process was started with.</summary>
    /// <param name="image">It; null for the shell, which reads its commands from the first descriptor.</param>
    /// <param name="inherited">The descriptors that it has besides those of every program.</param>
    /// <param name="process">Its process id.</param>
    /// <returns>0, or the error.</returns>
    internal static int Spawn(byte[]? image, ReadOnlySpan<int> inherited, out int process)
    {
        const int attributesSize = 512, setSize = 128, actionsSize = 512;
        byte* attributes = stackalloc byte[attributesSize];
        byte* actions = stackalloc byte[actionsSize];
        byte* all = stackalloc byte[setSize];
        byte* none = stackalloc byte[setSize];
        new Span<byte>(all, setSize).Fill(0xff);
        *(ulong*)all &= ~InheritedIgnores();
        new Span<byte>(none, setSize).Clear();
        _ = NativeMethods.SpawnAttributesInitialize(attributes);
        _ = NativeMethods.SpawnAttributesSetSignalDefault(attributes, all);
        _ = NativeMethods.SpawnAttributesSetSignalMask(attributes, none);
        const short setSignalDefault = 4, setSignalMask = 8;
        _ = NativeMethods.SpawnAttributesSetFlags(attributes, setSignalDefault | setSignalMask);

        // Onto itself: it stays open over exec. POSIX.1-2024, posix_spawn_file_actions_adddup2; glibc 2.29.
        _ = NativeMethods.SpawnFileActionsInitialize(actions);
        int error = 0, made = 0;
        foreach (int descriptor in inherited)
        {
            error = error == 0 ? NativeMethods.SpawnFileActionsAddDup2(actions, descriptor, descriptor) : error;
        }

        error = error != 0 ? error : image is null ? Shell(inherited[0], actions, attributes, &made)
            : Own(image, actions, attributes, &made);
        _ = NativeMethods.SpawnFileActionsDestroy(actions);
        process = made;
        return error;
    }

    private static int Own(byte[] image, void* actions, void* attributes, int* process)
    {
        int file = StartingImage.ToMemory(image, out Errno error);
        if (file < 0)
        {
            return (int)error;
        }

        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{file}");
        int result = Spawn(path, null, null, actions, attributes, process);
        HostKernel.Close(file);
        return result;
    }

    // It reads its commands by that name. It takes PWD for true when that names its directory, and asks for no name otherwise, which a
    // deleted directory has not: it would say so.
    private static int Shell(int descriptor, void* actions, void* attributes, int* process)
    {
        string script = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{descriptor}\0");
        fixed (byte* commands = Encoding.ASCII.GetBytes(script), directory = "PWD=/proc/self/cwd\0"u8)
        {
            return Spawn("/bin/sh", commands, directory, actions, attributes, process);
        }
    }

    private static int Spawn(string path, byte* argument, byte* variable, void* actions, void* attributes, int* process)
    {
        fixed (byte* name = "cloister\0"u8)
        {
            byte** arguments = stackalloc byte*[3] { name, argument, null };
            byte** environment = stackalloc byte*[2] { variable, null };
            return NativeMethods.PosixSpawn(process, path, actions, attributes, arguments, environment);
        }
    }

    /// <summary>
    /// Has it send itself SIGSTOP, at which its tracer sees it when nothing is half done in it. It must be traced: it would stay.
    /// </summary>
    public void StopItself()
    {
        const long write = 1;
        fixed (byte* command = "kill -STOP $$\n"u8) // for the shell; the other takes any word
        {
            _ = NativeMethods.SystemCall(write, _commands, (long)command, 14, 0, 0, 0);
        }
    }

    /// <summary>Ends it and takes its status.</summary>
    public void End()
    {
        _ = HostKernel.Kill(Id, Signal.SIGKILL);
        while (Ptrace.Wait(Id, block: true, out WaitStatus status) > 0 && status.Stopped)
        {
            // A stop that was under way; the end follows.
        }
    }

    /// <inheritdoc/>
    void IStartingProgram.Kill() => End();

    /// <summary>Leaves it without commands: unless it is stopped it ends.</summary>
    public void Dispose()
    {
        if (_commands >= 0)
        {
            HostKernel.Close(_commands);
            _commands = -1;
        }
    }

    // What whoever started this process has it ignore (nohup, a shell's background job) the program ignores too. Bit n-1 is signal n.
    private static ulong InheritedIgnores() => HostKernel.IgnoredSignals & ~(1UL << (Signal.SIGPIPE - 1));
}
