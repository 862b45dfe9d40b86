using System.Buffers.Binary;
using System.Text;
using Cloister.Engine.Debugging;

namespace Cloister.Cli.Debugging;

/// <summary>
/// The shared libraries of a process, as its dynamic linker lists them. glibc, elf/link.h: struct r_debug and struct link_map.
/// </summary>
internal static class LinkMaps
{
    private const int MostLibraries = 4096, MostEntries = 512, LongestName = 4096;
    private const ulong ProgramHeaders = 3, HeaderLength = 4, HeaderCount = 5, DynamicSegment = 2, HeaderSegment = 6, DebugEntry = 21;

    /// <summary>
    /// The address of the program's own entry, and the libraries; none where there is no dynamic linker, or it has not begun.
    /// </summary>
    public static (ulong Main, IReadOnlyList<LoadedFile> Libraries) Read(DebuggedProcess process, ReadOnlySpan<byte> auxiliary)
    {
        var libraries = new List<LoadedFile>();
        if (DebugOf(process, auxiliary) is not { } debug || debug == 0 || Word(process, debug + 8) is not { } main)
        {
            return (0, libraries);
        }

        ulong at = main;
        for (int i = 0; at != 0 && i < MostLibraries; i++)
        {
            // l_addr, l_name, l_ld, l_next
            if (Word(process, at) is not { } bias || Word(process, at + 8) is not { } name || Word(process, at + 16) is not { } dynamic
                || Word(process, at + 24) is not { } next)
            {
                break;
            }

            if (at != main && Text(process, name) is { Length: > 0 } path)
            {
                libraries.Add(new LoadedFile(path, bias, dynamic) { LinkMap = at });
            }

            at = next;
        }

        return (main, libraries);
    }

    private static ulong? DebugOf(DebuggedProcess process, ReadOnlySpan<byte> auxiliary)
    {
        ulong headers = 0, length = 0, count = 0;
        for (; auxiliary.Length >= 16; auxiliary = auxiliary[16..])
        {
            ulong value = BinaryPrimitives.ReadUInt64LittleEndian(auxiliary[8..]);
            switch (BinaryPrimitives.ReadUInt64LittleEndian(auxiliary))
            {
                case ProgramHeaders:
                    headers = value;
                    break;
                case HeaderLength:
                    length = value;
                    break;
                case HeaderCount:
                    count = value;
                    break;
            }
        }

        if (headers == 0 || length != 56 || count > 128)
        {
            return null;
        }

        byte[] table = new byte[length * count];
        if (process.Read(headers, table) != table.Length)
        {
            return null;
        }

        ulong bias = 0, dynamic = 0;
        for (ReadOnlySpan<byte> entry = table; entry.Length >= 56; entry = entry[56..])
        {
            ulong type = BinaryPrimitives.ReadUInt32LittleEndian(entry), address = BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]);
            bias = type == HeaderSegment ? headers - address : bias;
            dynamic = type == DynamicSegment ? address : dynamic;
        }

        for (int i = 0; dynamic != 0 && i < MostEntries; i++)
        {
            ulong at = dynamic + bias + (ulong)(i * 16);
            if (Word(process, at) is not { } tag || tag == 0 || Word(process, at + 8) is not { } value)
            {
                return null;
            }

            if (tag == DebugEntry)
            {
                return value;
            }
        }

        return null;
    }

    private static ulong? Word(DebuggedProcess process, ulong address)
    {
        Span<byte> word = stackalloc byte[8];
        return process.Read(address, word) == word.Length ? BinaryPrimitives.ReadUInt64LittleEndian(word) : null;
    }

    private static string? Text(DebuggedProcess process, ulong address)
    {
        byte[] text = new byte[LongestName];
        int length = Array.IndexOf(text, (byte)0, 0, process.Read(address, text));
        return length < 0 ? null : Encoding.UTF8.GetString(text, 0, length);
    }
}
