namespace Cloister.Engine.Devices;

/// <summary>What stat(2) tells of a file that the kernel does not know.</summary>
/// <param name="Mode">Kind and permissions.</param>
/// <param name="Owner">User id.</param>
/// <param name="Group">Group id.</param>
/// <param name="Inode">Its number.</param>
/// <param name="Device">The device that it is; 0 when it is none.</param>
/// <param name="Size">Bytes.</param>
internal readonly record struct FileDescription(uint Mode, uint Owner, uint Group, ulong Inode, uint Device, long Size)
{
    private const uint Kind = 0xf000, Socket = 0xc000; // S_IFMT, S_IFSOCK

    /// <summary>A socket that everybody may connect to.</summary>
    public static FileDescription OfSocket(ulong inode) => new(Socket | 0x1ff, 0, 0, inode, 0, 0);

    /// <summary>A file that everybody may read.</summary>
    public static FileDescription OfFile(ulong inode, long size) => new(0x8000 | 0x124, 0, 0, inode, 0, size);

    /// <summary>Whether it is a socket.</summary>
    public bool IsSocket => (Mode & Kind) == Socket;
}
