namespace Cloister.Linux;

/// <summary>Starts a program so that it can be seized before its first instruction.</summary>
public static unsafe class Spawn
{
    /// <summary>Starts <c>/bin/sh</c>, which stops itself with SIGSTOP, with no environment, an empty signal mask, and the signal actions that
    /// this process was started with. Its tracer makes of it what it likes.</summary>
    /// <remarks>.NET ignores SIGPIPE, and posix_spawn is the one way to start a child with its actions reset from managed code.
    /// System.Diagnostics.Process cannot be used: it reaps the children of the whole process.</remarks>
    /// <returns>The process id.</returns>
    public static int Stopped()
    {
        const int attributesSize = 512, setSize = 128;
        byte* attributes = stackalloc byte[attributesSize];
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

        fixed (byte* shell = "/bin/sh\0"u8, option = "-c\0"u8, script = "kill -STOP $$\0"u8)
        {
            byte** arguments = stackalloc byte*[4] { shell, option, script, null };
            byte** environment = stackalloc byte*[1] { null };
            int process;
            int error = NativeMethods.PosixSpawn(&process, "/bin/sh", null, attributes, arguments, environment);
            return error == 0 ? process : throw new LinuxException("posix_spawn", (Errno)error);
        }
    }

    // What whoever started this process has it ignore (nohup, a shell's background job) the program ignores too. Bit n-1 is signal n.
    private static ulong InheritedIgnores() => HostKernel.IgnoredSignals & ~(1UL << (Signal.SIGPIPE - 1));
}
