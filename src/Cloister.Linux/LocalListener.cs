using System.Text;

namespace Cloister.Linux;

/// <summary>A UNIX socket that listens, without what the framework has for sockets: one descriptor and three calls. unix(7).</summary>
public sealed unsafe class LocalListener : IDisposable
{
    /// <summary>The longest path: sockaddr_un.sun_path without its zero.</summary>
    public const int LongestPath = 107;

    private int _descriptor;

    private LocalListener(int descriptor) => _descriptor = descriptor;

    /// <summary>Begins to listen.</summary>
    /// <param name="path">Its path, where nothing is.</param>
    /// <param name="backlog">Connections that may wait.</param>
    /// <param name="error">Why it cannot.</param>
    public static LocalListener? TryBegin(string path, int backlog, out Errno error)
    {
        const long socket = 41, bind = 49, listen = 50;
        const int local = 1, stream = 1, closeOnExec = 0x80000, pathOffset = 2;
        byte* address = stackalloc byte[pathOffset + LongestPath + 1];
        new Span<byte>(address, pathOffset + LongestPath + 1).Clear();
        *(ushort*)address = local;
        if (Encoding.UTF8.GetByteCount(path) > LongestPath)
        {
            error = Errno.ENAMETOOLONG;
            return null;
        }

        _ = Encoding.UTF8.GetBytes(path, new Span<byte>(address + pathOffset, LongestPath));
        int descriptor = (int)NativeMethods.SystemCall(socket, local, stream | closeOnExec, 0, 0, 0, 0);
        if (descriptor < 0)
        {
            error = NativeMethods.LastError;
            return null;
        }

        if (!DescriptorReserve.Allows(descriptor))
        {
            error = Errno.EMFILE;
            HostKernel.Close(descriptor);
            return null;
        }

        if (NativeMethods.SystemCall(bind, descriptor, (long)address, pathOffset + LongestPath + 1, 0, 0, 0) < 0
            || NativeMethods.SystemCall(listen, descriptor, backlog, 0, 0, 0, 0) < 0)
        {
            error = NativeMethods.LastError;
            HostKernel.Close(descriptor);
            return null;
        }

        error = Errno.None;
        return new LocalListener(descriptor);
    }

    /// <summary>Waits in the kernel until somebody connects, who is still to be taken.</summary>
    /// <returns>False when there is nothing to wait for any more.</returns>
    public bool Await()
    {
        const long poll = 7;
        const short readable = 1;
        long entry = (uint)_descriptor | (long)readable << 32; // struct pollfd: fd, events, revents. poll(2).
        long result;
        do
        {
            result = NativeMethods.SystemCall(poll, (long)&entry, 1, -1, 0, 0, 0);
        }
        while (result < 0 && NativeMethods.LastError == Errno.EINTR);
        return result > 0 && (short)(entry >> 48) == readable;
    }

    /// <summary>Gives the descriptor away.</summary>
    public nint Take() => Interlocked.Exchange(ref _descriptor, -1);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _descriptor, -1) is >= 0 and var descriptor)
        {
            HostKernel.Close(descriptor);
        }
    }
}
