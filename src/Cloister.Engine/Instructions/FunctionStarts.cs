using System.Buffers.Binary;
using Cloister.Linux;

namespace Cloister.Engine.Instructions;

/// <summary>Where functions begin in an ELF file: the search table of .eh_frame_hdr, which stripped binaries have too.</summary>
/// <remarks>Source: Linux Standard Base, "Exception Frames", .eh_frame_hdr.</remarks>
internal static class FunctionStarts
{
    private const uint PtLoad = 1, PtGnuEhFrame = 0x6474e550;

    /// <summary>Sorted file offsets of functions; empty when the file has no table of the usual encoding.</summary>
    public static long[] Read(string path)
    {
        using HostFile? file = HostFile.TryOpen(path, out _);
        byte[] header = new byte[64];
        if (file is null || !file.TryReadExactly(header, 0) || BinaryPrimitives.ReadUInt32BigEndian(header) != 0x7f454c46 || header[4] != 2)
        {
            return [];
        }

        int count = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(56));
        byte[] headers = new byte[count * 56];
        if (!file.TryReadExactly(headers, BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(32))))
        {
            return [];
        }

        var loads = new List<Segment>();
        Segment? frame = null;
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> h = headers.AsSpan(i * 56, 56);
            var entry = new Segment(BinaryPrimitives.ReadUInt64LittleEndian(h[16..]), BinaryPrimitives.ReadUInt64LittleEndian(h[8..]),
                BinaryPrimitives.ReadUInt64LittleEndian(h[32..]));
            switch (BinaryPrimitives.ReadUInt32LittleEndian(h))
            {
                case PtLoad: loads.Add(entry); break;
                case PtGnuEhFrame: frame = entry; break;
            }
        }

        if (frame is null || frame.Size < 12 || frame.Size > 1 << 28)
        {
            return [];
        }

        byte[] table = new byte[frame.Size];

        // Version 1, count as udata4, entries as sdata4 relative to the table: what every linker writes.
        if (!file.TryReadExactly(table, (long)frame.Offset) || table[0] != 1 || table[2] != 3 || table[3] != 0x3b)
        {
            return [];
        }

        return Starts(table, frame, loads);
    }

    private static long[] Starts(byte[] table, Segment frame, List<Segment> loads)
    {
        int pointer = (table[1] & 0xf) is 3 or 0xb ? 4 : 8;
        int entries = BinaryPrimitives.ReadInt32LittleEndian(table.AsSpan(4 + pointer));
        long[] starts = new long[Math.Clamp(entries, 0, table.Length / 8)];
        int found = 0;
        bool sorted = true;
        for (int i = 0, at = 8 + pointer; i < entries && at + 8 <= table.Length; i++, at += 8)
        {
            ulong address = frame.Address + (ulong)BinaryPrimitives.ReadInt32LittleEndian(table.AsSpan(at));
            foreach (Segment load in loads)
            {
                if (address - load.Address < load.Size)
                {
                    starts[found] = (long)(address - load.Address + load.Offset);
                    sorted &= found == 0 || starts[found - 1] <= starts[found];
                    found++;
                    break;
                }
            }
        }

        // Linkers sort the table: it is made to be searched.
        Array.Resize(ref starts, found);
        if (!sorted)
        {
            Array.Sort(starts);
        }

        return starts;
    }

    private sealed record Segment(ulong Address, ulong Offset, ulong Size);
}
