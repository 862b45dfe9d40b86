using System.Text;

namespace Cloister.Linux;

/// <summary>What tells one file's contents from another's: which file it is, and how it was when it was written last.</summary>
/// <param name="Device">st_dev.</param>
/// <param name="Inode">st_ino.</param>
/// <param name="Size">st_size, in bytes.</param>
/// <param name="Modified">st_mtim, in nanoseconds.</param>
public readonly record struct FileIdentity(ulong Device, ulong Inode, long Size, long Modified)
{
    /// <summary>Asks the kernel; links are followed. False when there is no such file.</summary>
    public static unsafe bool TryGet(string path, out FileIdentity identity)
    {
        // struct stat of x86-64 is 144 bytes: st_dev 0, st_ino 8, st_size 48, st_mtim 88.
        byte* buffer = stackalloc byte[144];
        fixed (byte* p = Encoding.UTF8.GetBytes(path + "\0"))
        {
            bool exists = NativeMethods.SystemCall(SystemCall.Stat, (long)p, (long)buffer, 0, 0, 0, 0) == 0;
            identity = exists
                ? new FileIdentity(*(ulong*)buffer, *(ulong*)(buffer + 8), *(long*)(buffer + 48),
                    unchecked(*(long*)(buffer + 88) * 1_000_000_000 + *(long*)(buffer + 96)))
                : default;
            return exists;
        }
    }
}
