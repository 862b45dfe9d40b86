using System.Buffers.Binary;
using System.Text;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>The sections of a PE32 or PE32+ file. Microsoft, "PE Format".</summary>
internal sealed class PeFile
{
    private const int SignatureOffsetAt = 0x3c;
    private const int FileHeaderSize = 24;
    private const int SectionHeaderSize = 40;
    private const ushort Pe32 = 0x10b;
    private const ushort Pe32Plus = 0x20b;

    public PeFile(ByteSource source)
    {
        Source = source;
        uint header = source.Read<uint>(SignatureOffsetAt);
        if (source.Read<uint>(header) != 0x00004550)
        {
            throw new ImageException("an MZ file, but no PE file", header);
        }

        ushort sections = source.Read<ushort>(header + 6);
        ushort optionalSize = source.Read<ushort>(header + 20);
        ushort magic = source.Read<ushort>(header + FileHeaderSize);
        Is64 = magic switch
        {
            Pe32 => false,
            Pe32Plus => true,
            _ => throw new ImageException($"a PE file of the kind 0x{magic:x}, neither PE32 nor PE32+", header + FileHeaderSize),
        };
        Entry = source.Read<uint>(header + FileHeaderSize + 16);
        long at = header + FileHeaderSize + (long)optionalSize;
        var found = new PeSection[source.Contains(at, (long)sections * SectionHeaderSize)
            ? sections
            : throw new ImageException("the PE section headers reach past the end of the file", at)];
        byte[] bytes = new byte[SectionHeaderSize];
        for (int i = 0; i < found.Length; i++)
        {
            source.Read(at + ((long)i * SectionHeaderSize), bytes);
            found[i] = new PeSection(
                Name(bytes.AsSpan(0, 8)),
                BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(12)),
                BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8)),
                BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(20)),
                BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(16)),
                BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(36)));
        }

        Sections = found;
    }

    public ByteSource Source { get; }

    public bool Is64 { get; }

    public uint Entry { get; }

    public IReadOnlyList<PeSection> Sections { get; }

    public IReadOnlyList<FileRange> Code
        => [.. Sections.Where(section => section.IsExecutable && Source.Contains(section.FileOffset, section.FileSize)).Select(section => new FileRange(section.FileOffset, section.FileSize))];

    public static bool Is(ByteSource source) => source.Length > SignatureOffsetAt + 4 && source.Read<ushort>(0) == 0x5a4d;

    private static string Name(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf((byte)0);
        bytes = end < 0 ? bytes : bytes[..end];
        return bytes.ContainsAnyExceptInRange((byte)0x20, (byte)0x7e) ? "?" : Encoding.ASCII.GetString(bytes);
    }
}

/// <summary>A section header.</summary>
internal readonly record struct PeSection(string Name, uint Address, uint Size, uint FileOffset, uint FileSize, uint Characteristics)
{
    public bool IsExecutable => (Characteristics & 0x20000000) != 0;

    // IMAGE_SCN_MEM_READ, WRITE and EXECUTE.
    public SecinfoFlags Permissions
        => ((Characteristics & 0x40000000) != 0 ? SecinfoFlags.R : 0)
            | ((Characteristics & 0x80000000) != 0 ? SecinfoFlags.W : 0)
            | (IsExecutable ? SecinfoFlags.X : 0);
}
