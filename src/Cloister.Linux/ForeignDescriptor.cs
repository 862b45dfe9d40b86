namespace Cloister.Linux;

/// <summary>
/// A descriptor of another thread. Threads need not share a table (unshare(2), CLONE_FILES), so it is always a thread's, never a process's.
/// </summary>
public static unsafe class ForeignDescriptor
{
    // PIDFD_THREAD: the descriptor names the thread itself. pidfd_open(2), Linux 6.9; uapi linux/pidfd.h.
    private const int PidfdThread = 0x80;

    /// <summary>Copies a descriptor of a thread into this process.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="descriptor">Its number there.</param>
    /// <param name="isSameFile">Whether it is the same open file, with its position and locks;
    /// otherwise its file was opened once more.</param>
    /// <returns>The number here, or minus an errno.</returns>
    public static int Take(int thread, int descriptor, out bool isSameFile)
    {
        int taken = Copy(thread, descriptor);
        isSameFile = taken >= 0;
        if (isSameFile || taken == -(int)Errno.EBADF)
        {
            return taken;
        }

        int opened = HostKernel.Open(ProcPath.OfDescriptor(thread, descriptor));
        return opened >= 0 ? opened : taken;
    }

    /// <summary>The same by pidfd_getfd(2) alone.</summary>
    /// <returns>The number here, or minus an errno.</returns>
    public static int Copy(int thread, int descriptor)
    {
        int copied = Get(thread, PidfdThread, descriptor);

        // Before 6.9 only a leader can be named.
        return copied != -(int)Errno.EINVAL ? copied
            : HostKernel.ThreadGroup(thread) == thread ? Get(thread, 0, descriptor) : -(int)Errno.EPERM;
    }

    /// <summary>The device and inode of what a thread's descriptor leads to; the errno says why there is none.</summary>
    public static Errno TryIdentify(int thread, int descriptor, out (ulong Device, ulong Inode) identity)
    {
        bool exists = HostKernel.TryStat(ProcPath.OfDescriptor(thread, descriptor), out ulong device, out ulong inode, out _);
        identity = (device, inode);
        return exists ? Errno.None : NativeMethods.LastError;
    }

    private static int Get(int thread, int flags, int descriptor)
    {
        int pidfd = (int)NativeMethods.SystemCall(SystemCall.PidfdOpen, thread, flags, 0, 0, 0, 0);
        if (pidfd < 0)
        {
            return -(int)NativeMethods.LastError;
        }

        int taken = (int)NativeMethods.SystemCall(SystemCall.PidfdGetfd, pidfd, descriptor, 0, 0, 0, 0);
        Errno error = taken < 0 ? NativeMethods.LastError : Errno.None;
        _ = NativeMethods.Close(pidfd);
        return taken < 0 ? -(int)error : taken;
    }
}
