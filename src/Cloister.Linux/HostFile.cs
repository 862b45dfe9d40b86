using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Cloister.Linux;

/// <summary>A file of this machine, read by the system calls themselves.</summary>
/// <remarks>Every start reads a dozen files of /proc, and the framework's streams and readers are milliseconds of it.</remarks>
public sealed unsafe class HostFile : IDisposable
{
    private readonly int _descriptor;

    private HostFile(int descriptor) => _descriptor = descriptor;

    /// <summary>
    /// Opens a file for reading. What is no ordinary file is not waited for: a program may have put a FIFO into its place.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="error">Why there is none.</param>
    /// <returns>The file, or null.</returns>
    public static HostFile? TryOpen(string path, out Errno error)
    {
        int descriptor = NativeMethods.Open(path, FileFlags.CloseOnExec | FileFlags.NonBlocking, 0);
        error = descriptor < 0 ? NativeMethods.LastError : Errno.None;
        return descriptor < 0 ? null : new HostFile(descriptor);
    }

    /// <summary>Reads a whole file; null when it cannot be read.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">Bytes that it may have at most; one with more cannot be read.</param>
    public static byte[]? TryRead(string path, int most = 256 << 20)
    {
        using HostFile? file = TryOpen(path, out _);
        if (file is null)
        {
            return null;
        }

        // The files of /proc do not know their length.
        byte[] bytes = new byte[4096];
        for (int length = 0; ;)
        {
            int read = file.ReadAt(bytes.AsSpan(length), length);
            if (read <= 0)
            {
                return read < 0 ? null : bytes[..length];
            }

            length += read;
            if (length > most)
            {
                return null;
            }

            if (length == bytes.Length)
            {
                Array.Resize(ref bytes, 2 * length);
            }
        }
    }

    /// <summary>
    /// Gives a file another name that nothing has yet, at once: of two who do it only one succeeds. renameat2(2), and link(2) where a file
    /// system lacks it.
    /// </summary>
    /// <param name="from">Its name. Where it had to be linked, it has both afterwards.</param>
    /// <param name="to">The new name.</param>
    /// <returns><see cref="Errno.EEXIST"/> when there is one already.</returns>
    public static Errno MoveWithoutReplacing(string from, string to)
    {
        const long renameat2 = 316, link = 86, currentDirectory = -100, noReplace = 1;
        fixed (byte* source = Encoding.UTF8.GetBytes(from + "\0"), target = Encoding.UTF8.GetBytes(to + "\0"))
        {
            if (NativeMethods.SystemCall(renameat2, currentDirectory, (long)source, currentDirectory, (long)target, noReplace, 0) >= 0)
            {
                return Errno.None;
            }

            Errno error = NativeMethods.LastError;
            return error is not (Errno.EINVAL or Errno.ENOSYS) ? error
                : NativeMethods.SystemCall(link, (long)source, (long)target, 0, 0, 0, 0) < 0 ? NativeMethods.LastError : Errno.None;
        }
    }

    /// <summary>
    /// Makes a file that has no name, and is gone when nobody has it open: O_TMPFILE of open(2). Not every file system has it.
    /// </summary>
    /// <param name="directory">On whose file system.</param>
    /// <param name="mode">Permission bits, before umask.</param>
    /// <param name="error">Why there is none.</param>
    public static SafeFileHandle? TryMakeUnnamed(string directory, int mode, out Errno error)
    {
        int descriptor = NativeMethods.Open(directory, FileFlags.Unnamed | FileFlags.ReadWrite | FileFlags.CloseOnExec, mode);
        error = descriptor < 0 ? NativeMethods.LastError : Errno.None;
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>Gives a file that is open a name that nothing has yet. linkat(2), with /proc as it says there.</summary>
    /// <returns><see cref="Errno.EEXIST"/> when there is one already.</returns>
    public static Errno GiveName(SafeFileHandle file, string path)
    {
        ArgumentNullException.ThrowIfNull(file);
        const long linkat = 265, currentDirectory = -100, follow = 0x400;
        fixed (byte* source = Encoding.UTF8.GetBytes($"/proc/self/fd/{file.DangerousGetHandle()}\0"),
            target = Encoding.UTF8.GetBytes(path + "\0"))
        {
            return NativeMethods.SystemCall(linkat, currentDirectory, (long)source, currentDirectory, (long)target, follow, 0) < 0
                ? NativeMethods.LastError : Errno.None;
        }
    }

    /// <summary>Makes a directory that is this user's alone. This and the next three do without what the framework does besides, which
    /// costs each start time. mkdir(2), unlink(2), rmdir(2), rename(2).</summary>
    public static Errno MakePrivateDirectory(string path) => Call(83, path, 0x1c0);

    /// <summary>Takes a name of a file away.</summary>
    public static Errno Unlink(string path) => Call(87, path, 0);

    /// <summary>Takes an empty directory away.</summary>
    public static Errno RemoveDirectory(string path) => Call(84, path, 0);

    /// <summary>Gives a file another name, in the place of what has it.</summary>
    public static Errno Rename(string from, string to)
    {
        fixed (byte* target = Encoding.UTF8.GetBytes(to + "\0"))
        {
            return Call(82, from, (long)target);
        }
    }

    private static Errno Call(long number, string path, long argument)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + "\0"))
        {
            return NativeMethods.SystemCall(number, (long)name, argument, 0, 0, 0, 0) < 0 ? NativeMethods.LastError : Errno.None;
        }
    }

    /// <summary>ioctl(2) with an argument that the kernel reads and writes.</summary>
    public Errno Control(nuint request, Span<byte> argument)
    {
        fixed (byte* p = argument)
        {
            return NativeMethods.Ioctl(_descriptor, request, p) < 0 ? NativeMethods.LastError : Errno.None;
        }
    }

    /// <summary>Reads bytes at an offset.</summary>
    /// <returns>Their number, less than asked for at the end of the file and where a file gives fewer;
    /// -1 when they cannot be read.</returns>
    public int ReadAt(Span<byte> into, long offset)
    {
        fixed (byte* p = into)
        {
            return (int)NativeMethods.Pread(_descriptor, p, (nuint)into.Length, offset);
        }
    }

    /// <summary>Reads bytes at an offset until there are as many as asked for; false when the file has not.</summary>
    public bool TryReadExactly(Span<byte> into, long offset)
    {
        while (!into.IsEmpty)
        {
            int read = ReadAt(into, offset);
            if (read <= 0)
            {
                return false;
            }

            into = into[read..];
            offset += read;
        }

        return true;
    }

    /// <summary>
    /// The first part at or behind an offset that has data: holes are not read. All of the rest where the file cannot tell; null when there
    /// is none.
    /// </summary>
    /// <param name="offset">Where to begin.</param>
    public (long Start, long End)? NextData(long offset)
    {
        const long seek = 8, data = 3, hole = 4;
        long start = NativeMethods.SystemCall(seek, _descriptor, offset, data, 0, 0, 0);
        if (start < 0)
        {
            return NativeMethods.LastError == Errno.ENXIO ? null : (offset, long.MaxValue);
        }

        long end = NativeMethods.SystemCall(seek, _descriptor, start, hole, 0, 0, 0);
        return (start, end > start ? end : long.MaxValue);
    }

    /// <inheritdoc/>
    public void Dispose() => _ = NativeMethods.Close(_descriptor);
}
