using System.Buffers.Binary;
using Cloister.Engine.Options;
using Cloister.Linux;

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

    /// <summary>A device node.</summary>
    public static FileDescription OfNode(DeviceNode node, DeviceAccess access)
    {
        const uint characterDevice = 0x2000; // S_IFCHR

        // misc devices have major 10; the minors are dynamic and these only have to differ.
        uint number = (10 << 8) | (125 - (uint)node);
        return new FileDescription(characterDevice | access.Mode, access.Owner, access.Group, 1000 + number, number, 0);
    }

    /// <summary>access(2) of a device node by a thread: 0, or minus EACCES.</summary>
    public static long AccessNode(DeviceAccess access, int thread, int mode, int flags)
    {
        const int execute = 1, effectiveAccess = 0x200;
        var credentials = Credentials.Of(thread, real: (flags & effectiveAccess) == 0);
        bool refused = (mode & execute) != 0 || !credentials.MayOpen(access, (uint)mode & (Credentials.Read | Credentials.Write));
        return refused ? -(long)Errno.EACCES : 0;
    }

    /// <summary>Whether it is a socket.</summary>
    public bool IsSocket => (Mode & Kind) == Socket;

    /// <summary>Bytes of struct stat.</summary>
    public const int StatLength = 144;

    /// <summary>Bytes of struct statx.</summary>
    public const int StatxLength = 256;

    /// <summary>Writes it as stat(2) tells it.</summary>
    public void WriteStat(Span<byte> stat)
    {
        // struct stat of x86-64: uapi asm/stat.h.
        stat.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(stat, 5);
        BinaryPrimitives.WriteUInt64LittleEndian(stat[8..], Inode);
        BinaryPrimitives.WriteUInt64LittleEndian(stat[16..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(stat[24..], Mode);
        BinaryPrimitives.WriteUInt32LittleEndian(stat[28..], Owner);
        BinaryPrimitives.WriteUInt32LittleEndian(stat[32..], Group);
        BinaryPrimitives.WriteUInt64LittleEndian(stat[40..], Device);
        BinaryPrimitives.WriteInt64LittleEndian(stat[48..], Size);
        BinaryPrimitives.WriteUInt64LittleEndian(stat[56..], 4096);
    }

    /// <summary>Writes it as statx(2) tells it.</summary>
    public void WriteStatx(Span<byte> stat)
    {
        // struct statx: uapi linux/stat.h.
        stat.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(stat, 0x7ff);
        BinaryPrimitives.WriteUInt32LittleEndian(stat[4..], 4096);
        BinaryPrimitives.WriteUInt32LittleEndian(stat[16..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(stat[20..], Owner);
        BinaryPrimitives.WriteUInt32LittleEndian(stat[24..], Group);
        BinaryPrimitives.WriteUInt16LittleEndian(stat[28..], (ushort)Mode);
        BinaryPrimitives.WriteUInt64LittleEndian(stat[32..], Inode);
        BinaryPrimitives.WriteInt64LittleEndian(stat[40..], Size);
        BinaryPrimitives.WriteUInt32LittleEndian(stat[128..], Device >> 8);
        BinaryPrimitives.WriteUInt32LittleEndian(stat[132..], Device & 0xff);
    }
}
