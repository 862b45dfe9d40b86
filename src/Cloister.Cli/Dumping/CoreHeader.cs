using System.Buffers.Binary;
using Cloister.Architecture;

namespace Cloister.Cli.Dumping;

/// <summary>
/// The headers of an ELF core file. System V ABI, "ELF Header", "Program Header"; more than 65,534 segments as Linux's fs/binfmt_elf.c
/// counts them.
/// </summary>
/// <param name="segments">The memory.</param>
/// <param name="notes">Bytes of the notes, which follow the headers.</param>
internal sealed class CoreHeader(IReadOnlyList<CoreSegment> segments, int notes)
{
    private const int FileHeader = 64, ProgramHeader = 56, SectionHeader = 64;
    private const ushort Core = 4, X8664 = 62, ManyHeaders = 0xffff;
    private const uint Load = 1, Note = 4;

    /// <summary>Bytes before the notes.</summary>
    public static int Length(int segments) => FileHeader + (ProgramHeader * (segments + 1))
        + (segments + 1 >= ManyHeaders ? SectionHeader : 0);

    public void WriteTo(Stream to)
    {
        int headers = segments.Count + 1, sections = headers >= ManyHeaders ? 1 : 0;
        int length = Length(segments.Count);
        byte[] all = new byte[length];
        Span<byte> file = all;
        ReadOnlySpan<byte> identity = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        identity.CopyTo(file);
        BinaryPrimitives.WriteUInt16LittleEndian(file[16..], Core);
        BinaryPrimitives.WriteUInt16LittleEndian(file[18..], X8664);
        BinaryPrimitives.WriteUInt32LittleEndian(file[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(file[32..], FileHeader);
        BinaryPrimitives.WriteUInt16LittleEndian(file[52..], FileHeader);
        BinaryPrimitives.WriteUInt16LittleEndian(file[54..], ProgramHeader);
        BinaryPrimitives.WriteUInt16LittleEndian(file[56..], (ushort)Math.Min(headers, ManyHeaders));
        if (sections > 0)
        {
            // The number is sh_info of section 0.
            BinaryPrimitives.WriteUInt64LittleEndian(file[40..], (ulong)(length - SectionHeader));
            BinaryPrimitives.WriteUInt16LittleEndian(file[58..], SectionHeader);
            BinaryPrimitives.WriteUInt16LittleEndian(file[60..], 1);
            BinaryPrimitives.WriteUInt32LittleEndian(file[(length - SectionHeader + 44)..], (uint)headers);
        }

        Put(file[FileHeader..], Note, 0, (ulong)length, 0, (ulong)notes, 4);
        ulong offset = (ulong)(length + notes + LinearAddress.PageSize - 1) & ~(ulong)(LinearAddress.PageSize - 1);
        for (int i = 0; i < segments.Count; i++)
        {
            CoreSegment segment = segments[i];
            SecinfoFlags has = segment.Permissions;
            uint flags = ((has & SecinfoFlags.R) != 0 ? 4u : 0) | ((has & SecinfoFlags.W) != 0 ? 2u : 0)
                | ((has & SecinfoFlags.X) != 0 ? 1u : 0);
            Put(file[(FileHeader + (ProgramHeader * (i + 1)))..], Load, flags, offset, segment.Start, segment.End - segment.Start,
                LinearAddress.PageSize);
            offset += segment.End - segment.Start;
        }

        to.Write(all);
    }

    private static void Put(Span<byte> header, uint type, uint flags, ulong offset, ulong address, ulong size, ulong alignment)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(header, type);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], flags);
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], offset);
        BinaryPrimitives.WriteUInt64LittleEndian(header[16..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], size);
        BinaryPrimitives.WriteUInt64LittleEndian(header[40..], type == Load ? size : 0);
        BinaryPrimitives.WriteUInt64LittleEndian(header[48..], alignment);
    }
}
