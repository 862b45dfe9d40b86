using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Cloister.Linux;

/// <summary>Small things this process asks of its kernel.</summary>
public static unsafe class HostKernel
{
    /// <summary>Whether programs may read and write FS and GS bases by instructions: AT_HWCAP2, HWCAP2_FSGSBASE.</summary>
    public static bool HasFsgsbase
    {
        get
        {
            const ulong hardwareCapabilities2 = 26, fsgsbase = 2;
            ReadOnlySpan<ulong> vector = MemoryMarshal.Cast<byte, ulong>(HostFile.TryRead("/proc/self/auxv") ?? []);
            for (int i = 0; i + 1 < vector.Length; i += 2)
            {
                if (vector[i] == hardwareCapabilities2)
                {
                    return (vector[i + 1] & fsgsbase) != 0;
                }
            }

            return false;
        }
    }

    /// <summary>Sends a signal; ESRCH when the process is gone.</summary>
    public static Errno Kill(int process, int signal) => NativeMethods.Kill(process, signal) < 0 ? NativeMethods.LastError : Errno.None;

    /// <summary>Sends a signal to one thread of a process.</summary>
    public static Errno KillThread(int process, int thread, int signal) =>
        NativeMethods.SystemCall(234, process, thread, signal, 0, 0, 0) < 0 ? NativeMethods.LastError : Errno.None;

    /// <summary>The process a thread belongs to; 0 when it is gone.</summary>
    public static int ThreadGroup(int thread) => StatusField(thread, "Tgid:") is { } text && int.TryParse(text, out int id) ? id : 0;

    /// <summary>Lets others run: gives the processor up once, or sleeps.</summary>
    /// <param name="microseconds">How long to sleep, below a second; 0 does not sleep.</param>
    public static unsafe void Rest(int microseconds)
    {
        const long yield = 24, nanosleep = 35;
        var time = stackalloc long[2] { 0, microseconds * 1000L };
        _ = microseconds == 0 ? NativeMethods.SystemCall(yield, 0, 0, 0, 0, 0, 0)
            : NativeMethods.SystemCall(nanosleep, (long)time, 0, 0, 0, 0, 0);
    }

    /// <summary>Whether a signal that is not blocked waits for the thread.</summary>
    /// <remarks>
    /// None that is ignored: of a program without a tracer it would not wait at all. Linux, kernel/signal.c, sig_ignored.
    /// </remarks>
    public static bool SignalPending(int thread)
    {
        // include/linux/signal.h, SIG_KERNEL_IGNORE_MASK.
        const ulong ignoredByDefault = 1UL << (Signal.SIGCHLD - 1) | 1UL << (Signal.SIGCONT - 1) | 1UL << (Signal.SIGWINCH - 1)
            | 1UL << (Signal.SIGURG - 1);
        ReadOnlySpan<byte> status = HostFile.TryRead(ProcPath.Of(thread, "status"));
        ulong Mask(ReadOnlySpan<byte> status, ReadOnlySpan<byte> name) => ProcText.Hexadecimal(ProcText.Field(status, name)) ?? 0;
        ulong ignored = Mask(status, "SigIgn:"u8) | (ignoredByDefault & ~Mask(status, "SigCgt:"u8));
        return ((Mask(status, "SigPnd:"u8) | Mask(status, "ShdPnd:"u8)) & ~Mask(status, "SigBlk:"u8) & ~ignored) != 0;
    }

    /// <summary>The threads of a process; none when it is gone. proc(5), /proc/PID/task.</summary>
    public static IReadOnlyList<int> Threads(int process)
    {
        try
        {
            return [.. Directory.EnumerateDirectories(ProcPath.Of(process, "task"))
                .Select(path => int.TryParse(Path.GetFileName(path), out int id) ? id : 0).Where(id => id != 0)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>
    /// The number of the system call in which a thread waits; null where it waits in an exception, or runs. proc(5), /proc/PID/syscall.
    /// </summary>
    public static long? SystemCallOf(int thread)
    {
        ReadOnlySpan<byte> text = HostFile.TryRead(ProcPath.Of(thread, "syscall"));
        return (long?)ProcText.Number(ProcText.TakeWord(ref text));
    }

    /// <summary>
    /// Whether this process traces a thread: not any more when it was told of its end, though its parent may not have been.
    /// </summary>
    public static bool IsTraced(int thread) =>
        StatusField(thread, "TracerPid:") is { } text && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int tracer)
        && tracer == Environment.ProcessId;

    /// <summary>Whether a process is alive: its leader may have ended before its other threads.</summary>
    public static bool IsAlive(int process) => StatusField(process, "State:") is { } state
        && (!state.StartsWith('Z') || (StatusField(process, "Threads:") is { } text && int.TryParse(text, out int threads) && threads > 1));

    /// <summary>A thread's personality; null when it may not be asked for. personality(2).</summary>
    public static ulong? Personality(int thread) => ProcText.Hexadecimal(HostFile.TryRead(ProcPath.Of(thread, "personality")));

    /// <summary>One line of /proc/ID/status, without its name; null when there is none.</summary>
    public static string? StatusField(int thread, string name)
    {
        ReadOnlySpan<byte> field = ProcText.Field(HostFile.TryRead(ProcPath.Of(thread, "status")), Encoding.ASCII.GetBytes(name));
        return field.IsEmpty ? null : Encoding.UTF8.GetString(field);
    }

    /// <summary>A process's id as another one knows it, which may be in a pid namespace below. proc_pid_status(5), NSpid.</summary>
    /// <param name="process">Its id here.</param>
    /// <param name="other">Who knows it.</param>
    public static int IdAsSeenBy(int process, int other)
    {
        string[] ids = Ids(process);
        int depth = Ids(other).Length;
        return depth > 0 && depth <= ids.Length && int.TryParse(ids[depth - 1], out int seen) ? seen : process;

        static string[] Ids(int of) => (StatusField(of, "NSpid:") ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>The signals this process was started to ignore. Bit n-1 is signal n.</summary>
    public static ulong IgnoredSignals => ProcText.Hexadecimal(ProcText.Field(HostFile.TryRead("/proc/self/status"), "SigIgn:"u8)) ?? 0;

    /// <summary>The signals that a thread's process ignores. Bit n-1 is signal n.</summary>
    public static ulong IgnoredSignalsOf(int thread) =>
        ProcText.Hexadecimal(ProcText.Field(HostFile.TryRead(ProcPath.Of(thread, "status")), "SigIgn:"u8)) ?? 0;

    /// <summary>
    /// Where a process's stack began when its program was executed: its arguments lie there; 0 where that may not be asked for.
    /// proc_pid_stat(5), startstack.
    /// </summary>
    public static ulong BeginOfStack(int process)
    {
        ReadOnlySpan<byte> text = HostFile.TryRead(ProcPath.Of(process, "stat"));
        text = text[(text.LastIndexOf((byte)')') + 1)..];
        const int field = 28, firstBehindName = 3;
        for (int i = firstBehindName; i < field; i++)
        {
            _ = ProcText.TakeWord(ref text);
        }

        return ProcText.Number(ProcText.TakeWord(ref text)) is { } at ? (ulong)at : 0;
    }

    /// <summary>The inode and device of a path, following links; false when there is none.</summary>
    public static bool TryStat(string path, out ulong device, out ulong inode, out uint mode)
    {
        // struct stat of x86-64 is 144 bytes: st_dev 0, st_ino 8, st_nlink 16, st_mode 24.
        byte* buffer = stackalloc byte[144];
        fixed (byte* p = Encoding.UTF8.GetBytes(path + "\0"))
        {
            long result = NativeMethods.SystemCall(SystemCall.Stat, (long)p, (long)buffer, 0, 0, 0, 0);
            device = *(ulong*)buffer;
            inode = *(ulong*)(buffer + 8);
            mode = *(uint*)(buffer + 24);
            return result == 0;
        }
    }

    /// <summary>The inode and device of a descriptor of this process.</summary>
    public static bool TryStat(int descriptor, out ulong device, out ulong inode)
    {
        byte* buffer = stackalloc byte[144];
        long result = NativeMethods.SystemCall(SystemCall.Fstat, descriptor, (long)buffer, 0, 0, 0, 0);
        device = *(ulong*)buffer;
        inode = *(ulong*)(buffer + 8);
        return result == 0;
    }

    /// <summary>Opens a path for reading and writing; the descriptor or minus an errno.</summary>
    public static int Open(string path)
    {
        int descriptor = NativeMethods.Open(path, FileFlags.ReadWrite | FileFlags.CloseOnExec, 0);
        return descriptor < 0 ? -(int)NativeMethods.LastError : descriptor;
    }

    /// <summary>Opens what a descriptor of this process leads to once more; the new descriptor or minus an errno.</summary>
    public static int OpenAgain(int descriptor) => Open(ProcPath.OfDescriptor(Environment.ProcessId, descriptor));

    /// <summary>Moves an open file's position. lseek(2), SEEK_SET.</summary>
    public static void Seek(int descriptor, long position) =>
        _ = NativeMethods.SystemCall(SystemCall.Lseek, descriptor, position, 0, 0, 0, 0);

    /// <summary>Writes bytes at an offset of a file.</summary>
    public static Errno WriteAt(int descriptor, ReadOnlySpan<byte> bytes, long offset)
    {
        fixed (byte* p = bytes)
        {
            return NativeMethods.Pwrite(descriptor, p, (nuint)bytes.Length, offset) == bytes.Length ? Errno.None : NativeMethods.LastError;
        }
    }

    /// <summary>
    /// Writes a text to the error stream, by which a process without a descriptor left can still say so; false when it cannot be written.
    /// </summary>
    public static bool WriteError(string text)
    {
        const long write = 1, errorStream = 2;
        ReadOnlySpan<byte> bytes = Encoding.UTF8.GetBytes(text);
        fixed (byte* p = bytes)
        {
            return NativeMethods.SystemCall(write, errorStream, (long)p, bytes.Length, 0, 0, 0) == bytes.Length;
        }
    }

    /// <summary>The columns of the terminal that a descriptor is; 0 when it is none, or does not know.</summary>
    /// <remarks>The framework's own question has it tell the terminal to send other codes for its keys.</remarks>
    public static int TerminalColumns(int descriptor)
    {
        const long getWindowSize = 0x5413; // TIOCGWINSZ: rows, columns and two more, 16 bits each. ioctl_tty(2).
        ushort* size = stackalloc ushort[4];
        return NativeMethods.SystemCall(SystemCall.Ioctl, descriptor, getWindowSize, (long)size, 0, 0, 0) < 0 ? 0 : size[1];
    }

    /// <summary>Makes a file the output stream of this process, before anything was written to it.</summary>
    public static Errno ReplaceOutput(SafeHandle file)
    {
        ArgumentNullException.ThrowIfNull(file);
        const long outputStream = 1;
        return NativeMethods.SystemCall(SystemCall.Dup2, file.DangerousGetHandle(), outputStream, 0, 0, 0, 0) < 0
            ? NativeMethods.LastError : Errno.None;
    }

    /// <summary>Closes a descriptor of this process.</summary>
    public static void Close(int descriptor) => _ = NativeMethods.Close(descriptor);

    /// <summary>True when both processes have one address space; null when the kernel has no kcmp(2).</summary>
    public static bool? SharesMemory(int one, int other)
    {
        const int virtualMemory = 1;
        long result = NativeMethods.SystemCall(SystemCall.Kcmp, one, other, virtualMemory, 0, 0, 0);
        return result < 0 ? null : result == 0;
    }

    /// <summary>The calling thread's id.</summary>
    public static int CurrentThread => (int)NativeMethods.SystemCall(186, 0, 0, 0, 0, 0, 0);

    /// <summary>The processors a thread may run on, for the first 1,024; thread 0 is the caller.</summary>
    public static ulong[] GetAffinity(int thread)
    {
        ulong[] mask = new ulong[16];
        fixed (ulong* p = mask)
        {
            _ = NativeMethods.SchedGetAffinity(thread, 128, p);
        }

        return mask;
    }

    /// <summary>Sets the processors a thread may run on.</summary>
    public static Errno SetAffinity(int thread, ReadOnlySpan<ulong> mask)
    {
        fixed (ulong* p = mask)
        {
            return NativeMethods.SchedSetAffinity(thread, (nuint)(mask.Length * 8), p) < 0 ? NativeMethods.LastError : Errno.None;
        }
    }
}
