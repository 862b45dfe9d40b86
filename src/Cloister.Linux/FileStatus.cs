using System.Text;

namespace Cloister.Linux;

/// <summary>What stat(2) tells of a file, following links, as far as Cloister asks.</summary>
/// <param name="Mode">st_mode: type and permission bits.</param>
/// <param name="Owner">st_uid.</param>
/// <param name="Group">st_gid.</param>
public readonly record struct FileStatus(uint Mode, uint Owner, uint Group)
{
    private const uint TypeMask = 0xf000, Directory = 0x4000, Regular = 0x8000, CharacterDevice = 0x2000, Socket = 0xc000;

    /// <summary>Whether it is a directory.</summary>
    public bool IsDirectory => (Mode & TypeMask) == Directory;

    /// <summary>Whether it is an ordinary file.</summary>
    public bool IsRegular => (Mode & TypeMask) == Regular;

    /// <summary>Whether it is a character device.</summary>
    public bool IsCharacterDevice => (Mode & TypeMask) == CharacterDevice;

    /// <summary>Whether it is a socket.</summary>
    public bool IsSocket => (Mode & TypeMask) == Socket;

    /// <summary>Whether executing it is to give the owner's user id.</summary>
    public bool IsSetUserId => (Mode & 0x800) != 0;

    /// <summary>Whether executing it is to give the group's id: the bit means that only where the group may execute. inode(7).</summary>
    public bool IsSetGroupId => (Mode & 0x408) == 0x408;

    /// <summary>Asks the kernel.</summary>
    /// <param name="path">Any path.</param>
    /// <param name="status">The answer.</param>
    /// <returns><see cref="Errno.None"/>, or why there is no answer.</returns>
    public static Errno TryGet(string path, out FileStatus status) => TryGet(SystemCall.Stat, path, out status);

    /// <summary>Asks the kernel of a link itself, where the path leads to one. lstat(2).</summary>
    public static Errno TryGetOfLink(string path, out FileStatus status) => TryGet(SystemCall.Lstat, path, out status);

    private static unsafe Errno TryGet(long call, string path, out FileStatus status)
    {
        // struct stat of x86-64 is 144 bytes: st_mode 24, st_uid 28, st_gid 32.
        byte* buffer = stackalloc byte[144];
        fixed (byte* p = Encoding.UTF8.GetBytes(path + "\0"))
        {
            if (NativeMethods.SystemCall(call, (long)p, (long)buffer, 0, 0, 0, 0) < 0)
            {
                status = default;
                return NativeMethods.LastError;
            }
        }

        status = new FileStatus(*(uint*)(buffer + 24), *(uint*)(buffer + 28), *(uint*)(buffer + 32));
        return Errno.None;
    }

    /// <summary>Whether this user may execute a file. access(2).</summary>
    public static unsafe bool MayExecute(string path)
    {
        const int execute = 1;
        fixed (byte* p = Encoding.UTF8.GetBytes(path + "\0"))
        {
            return NativeMethods.SystemCall(SystemCall.Access, (long)p, execute, 0, 0, 0, 0) == 0;
        }
    }
}
