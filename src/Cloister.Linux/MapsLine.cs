using System.Buffers.Binary;
using System.Text;

namespace Cloister.Linux;

/// <summary>A line of /proc/TID/maps: proc_pid_maps(5).</summary>
/// <param name="Start">First byte.</param>
/// <param name="End">Behind the last byte.</param>
/// <param name="Protection">PROT_ bits.</param>
/// <param name="Path">The file, or what stands in its place; empty for none.</param>
public sealed record MapsLine(ulong Start, ulong End, int Protection, string Path)
{
    /// <summary>Mapped MAP_SHARED.</summary>
    public bool IsShared { get; init; }

    /// <summary>Offset in the file of the first byte.</summary>
    public ulong Offset { get; init; }

    /// <summary>The file's device, as st_dev has it.</summary>
    public ulong Device { get; init; }

    /// <summary>The file's inode; 0 of anonymous memory.</summary>
    public ulong Inode { get; init; }

    /// <summary>Whether it is of a memory file that a program was made to create.</summary>
    public bool IsMemoryFile => Path.StartsWith("/memfd:cloister:", StringComparison.Ordinal);

    /// <summary>Whether an address is in it.</summary>
    public bool Contains(ulong address) => address >= Start && address < End;

    /// <summary>The mappings of a thread's process, in order; null when they may not be read.</summary>
    public static List<MapsLine>? Of(int thread) => HostFile.TryRead(ProcPath.Of(thread, "maps")) is { } text ? Parse(text) : null;

    /// <summary>Those of a process that are code of files; none when it has ended, or is not to be looked at.</summary>
    public static List<MapsLine> CodeOf(int process) => Of(process)?.FindAll(line => (line.Protection & MemoryProtection.Execute) != 0
        && line.Path.StartsWith('/')) ?? [];

    /// <summary>
    /// The files that a process has mapped, executable or not: with strict isolation the host's code is not while a thread is inside.
    /// </summary>
    public static IEnumerable<string> FilesOf(int process) => (Of(process) ?? []).Select(line => line.Path)
        .Where(path => path.StartsWith('/') && !path.StartsWith("/memfd:", StringComparison.Ordinal)).Distinct();

    /// <summary>What the mapping at an address allows.</summary>
    /// <remarks>By PROCMAP_QUERY where the kernel has it, from Linux 6.11 on: the text of all mappings takes as long as a stop.</remarks>
    /// <param name="thread">A thread of the process.</param>
    /// <param name="address">The address.</param>
    /// <param name="isKnown">False when its mappings may not be read.</param>
    /// <returns>PROT_ bits; null where nothing is mapped.</returns>
    public static int? ProtectionAt(int thread, ulong address, out bool isKnown)
    {
        // struct procmap_query of uapi linux/fs.h; its flags have the values of PROT_ bits, and one more for MAP_SHARED.
        const nuint query = 0xc0686611;
        const int length = 104, addressOffset = 16, flagsOffset = 40;
        const ulong protections = 7;
        using HostFile? maps = HostFile.TryOpen(ProcPath.Of(thread, "maps"), out _);
        Span<byte> argument = stackalloc byte[length];
        argument.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(argument, length);
        BinaryPrimitives.WriteUInt64LittleEndian(argument[addressOffset..], address);
        isKnown = maps is not null;
        switch (maps?.Control(query, argument) ?? Errno.EACCES)
        {
            case Errno.None:
                return (int)(BinaryPrimitives.ReadUInt64LittleEndian(argument[flagsOffset..]) & protections);
            case Errno.ENOENT:
                return null;
        }

        List<MapsLine>? lines = Of(thread);
        isKnown = lines is not null;
        return lines?.Find(line => line.Contains(address))?.Protection;
    }

    /// <summary>Takes the text apart.</summary>
    public static List<MapsLine> Parse(ReadOnlySpan<byte> maps)
    {
        // 7f0123456000-7f0123458000 r-xp 00001000 fe:00 1234   /usr/lib/a.so
        var lines = new List<MapsLine>();
        while (!maps.IsEmpty)
        {
            ReadOnlySpan<byte> line = ProcText.TakeLine(ref maps);
            ulong? start = ProcText.Hexadecimal(ProcText.Take(ref line, (byte)'-'));
            ulong? end = ProcText.Hexadecimal(ProcText.TakeWord(ref line));
            ReadOnlySpan<byte> bits = ProcText.TakeWord(ref line);
            ulong? offset = ProcText.Hexadecimal(ProcText.TakeWord(ref line));
            ReadOnlySpan<byte> device = ProcText.TakeWord(ref line);
            ulong major = ProcText.Hexadecimal(ProcText.Take(ref device, (byte)':')) ?? 0, minor = ProcText.Hexadecimal(device) ?? 0;
            ulong? inode = ProcText.Number(ProcText.TakeWord(ref line));
            if (start is { } first && end is { } last && bits is [var r, var w, var x, var p, ..])
            {
                int protection = (r == 'r' ? MemoryProtection.Read : 0) | (w == 'w' ? MemoryProtection.Write : 0)
                    | (x == 'x' ? MemoryProtection.Execute : 0);
                lines.Add(new MapsLine(first, last, protection, Encoding.UTF8.GetString(line))
                {
                    IsShared = p == 's',
                    Offset = offset ?? 0,
                    Device = (minor & 0xff) | (major << 8) | ((minor & ~0xffUL) << 12), // include/linux/kdev_t.h, new_encode_dev
                    Inode = inode ?? 0,
                });
            }
        }

        return lines;
    }
}
