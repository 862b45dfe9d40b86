using System.Buffers.Binary;

namespace Cloister.Engine;

/// <summary>Where functions begin in an ELF file: the search table of .eh_frame_hdr, which stripped binaries have too.</summary>
/// <remarks>Source: Linux Standard Base, "Exception Frames", .eh_frame_hdr.</remarks>
internal static class FunctionStarts
{
    private const uint PtLoad = 1, PtGnuEhFrame = 0x6474e550;

    /// <summary>Sorted file offsets of functions; empty when the file has no table of the usual encoding.</summary>
    public static long[] Read(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            byte[] header = new byte[64];
            if (file.ReadAtLeast(header, 64, throwOnEndOfStream: false) < 64 || BinaryPrimitives.ReadUInt32BigEndian(header) != 0x7f454c46 || header[4] != 2)
            {
                return [];
            }

            int count = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(56));
            byte[] headers = new byte[count * 56];
            file.Position = BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(32));
            file.ReadExactly(headers);
            var loads = new List<(ulong Address, ulong Offset, ulong Size)>();
            (ulong Address, ulong Offset, ulong Size) frame = default;
            for (int i = 0; i < count; i++)
            {
                ReadOnlySpan<byte> h = headers.AsSpan(i * 56, 56);
                var entry = (BinaryPrimitives.ReadUInt64LittleEndian(h[16..]), BinaryPrimitives.ReadUInt64LittleEndian(h[8..]), BinaryPrimitives.ReadUInt64LittleEndian(h[32..]));
                switch (BinaryPrimitives.ReadUInt32LittleEndian(h))
                {
                    case PtLoad: loads.Add(entry); break;
                    case PtGnuEhFrame: frame = entry; break;
                }
            }

            if (frame.Size < 12 || frame.Size > 1 << 28)
            {
                return [];
            }

            byte[] table = new byte[frame.Size];
            file.Position = (long)frame.Offset;
            file.ReadExactly(table);

            // Version 1, count as udata4, entries as sdata4 relative to the table: what every linker writes.
            if (table[0] != 1 || table[2] != 3 || table[3] != 0x3b)
            {
                return [];
            }

            int pointer = (table[1] & 0xf) is 3 or 0xb ? 4 : 8;
            int entries = BinaryPrimitives.ReadInt32LittleEndian(table.AsSpan(4 + pointer));
            var starts = new List<long>();
            for (int i = 0, at = 8 + pointer; i < entries && at + 8 <= table.Length; i++, at += 8)
            {
                ulong address = frame.Address + (ulong)BinaryPrimitives.ReadInt32LittleEndian(table.AsSpan(at));
                foreach ((ulong start, ulong offset, ulong size) in loads)
                {
                    if (address - start < size)
                    {
                        starts.Add((long)(address - start + offset));
                        break;
                    }
                }
            }

            starts.Sort();
            return [.. starts];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
