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

    // In the optional header: ImageBase, SizeOfHeaders and CheckSum, and the directories behind what PE32 and PE32+ have of different size.
    private const int ImageBase64At = 24;
    private const int ImageBase32At = 28;
    private const int HeaderSizeAt = 60;
    private const int ChecksumAt = 64;
    private const int Directories32 = 96;
    private const int Directories64 = 112;
    private const int DirectorySize = 8;

    private readonly long directories;
    private readonly long directoriesEnd;

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
        long optional = header + FileHeaderSize;
        HeaderSize = source.Read<uint>(optional + HeaderSizeAt);
        ChecksumOffset = optional + ChecksumAt;
        directories = optional + (Is64 ? Directories64 : Directories32);
        directoriesEnd = optional + optionalSize;
        long at = optional + optionalSize;
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

    /// <summary>Bytes at the start of the file that are loaded too.</summary>
    public uint HeaderSize { get; }

    public long ChecksumOffset { get; }

    public bool Is64 { get; }

    public uint Entry { get; }

    public IReadOnlyList<PeSection> Sections { get; }

    public IReadOnlyList<FileRange> Code
        => [.. Sections.Where(section => section.IsExecutable && Source.Contains(section.FileOffset, section.FileSize))
            .Select(section => new FileRange(section.FileOffset, section.FileSize))];

    /// <summary>Where the entry of a data directory is, or null when the file has not so many.</summary>
    public long? DirectoryOffset(int index) => directories + ((index + 1) * DirectorySize) <= directoriesEnd
        ? directories + (index * DirectorySize) : null;

    /// <summary>A data directory: address and size, 0 and 0 when there is none.</summary>
    public (uint Address, uint Size) Directory(int index)
        => DirectoryOffset(index) is { } at ? (Source.Read<uint>(at), Source.Read<uint>(at + 4)) : (0, 0);

    /// <summary>Where the file keeps what is loaded at an address.</summary>
    /// <exception cref="ImageException">No section does.</exception>
    public long FileOffsetOf(uint address)
    {
        foreach (PeSection section in Sections)
        {
            if (address >= section.Address && address - section.Address < section.FileSize)
            {
                return section.FileOffset + (long)(address - section.Address);
            }
        }

        throw new ImageException($"no section of the PE file has bytes for address 0x{address:x}");
    }

    /// <summary>
    /// The template of the thread-local variables, from the start of the image on; zero bytes may follow. Null when there is none.
    /// </summary>
    public (uint Address, uint Size, uint Zero)? ThreadLocal()
    {
        const int threadLocal = 9;
        (uint address, uint size) = Directory(threadLocal);
        if (size == 0)
        {
            return null;
        }

        // IMAGE_TLS_DIRECTORY: StartAddressOfRawData, EndAddressOfRawData, two more addresses, SizeOfZeroFill. They are linear addresses.
        long at = FileOffsetOf(address);
        long optional = ChecksumOffset - ChecksumAt;
        ulong imageBase = Is64 ? Source.Read<ulong>(optional + ImageBase64At) : Source.Read<uint>(optional + ImageBase32At);
        ulong start = Is64 ? Source.Read<ulong>(at) : Source.Read<uint>(at);
        ulong end = Is64 ? Source.Read<ulong>(at + 8) : Source.Read<uint>(at + 4);
        uint zero = Source.Read<uint>(at + (Is64 ? 32 : 16));
        return start >= imageBase && end >= start && end - imageBase <= uint.MaxValue
            ? ((uint)(start - imageBase), (uint)(end - start), zero)
            : throw new ImageException("the thread-local variables of the PE file lie outside the image", at);
    }

    /// <summary>The address of an exported name, or null.</summary>
    public uint? FindExport(string name)
    {
        const int exports = 0;
        (uint address, uint size) = Directory(exports);
        if (size == 0)
        {
            return null;
        }

        // IMAGE_EXPORT_DIRECTORY: NumberOfNames, AddressOfFunctions, AddressOfNames, AddressOfNameOrdinals.
        long table = FileOffsetOf(address);
        uint count = Source.Read<uint>(table + 24);
        long functions = FileOffsetOf(Source.Read<uint>(table + 28));
        if (count == 0)
        {
            return null;
        }

        long names = FileOffsetOf(Source.Read<uint>(table + 32));
        long ordinals = FileOffsetOf(Source.Read<uint>(table + 36));
        if (!Source.Contains(names, 4L * count) || !Source.Contains(ordinals, 2L * count))
        {
            throw new ImageException("the PE export table reaches past the end of the file", table);
        }

        for (long i = 0; i < count; i++)
        {
            if (Source.ReadText(FileOffsetOf(Source.Read<uint>(names + (4 * i)))) == name)
            {
                return Source.Read<uint>(functions + (4L * Source.Read<ushort>(ordinals + (2 * i))));
            }
        }

        return null;
    }

    /// <summary>The numbers of the pages that base relocations write to.</summary>
    public IReadOnlySet<ulong> RelocatedPages()
    {
        const int relocations = 5;
        var pages = new HashSet<ulong>();
        (uint address, uint size) = Directory(relocations);
        if (size == 0)
        {
            return pages;
        }

        long at = FileOffsetOf(address);
        byte[] bytes = Source.ReadBytes(at, (int)Math.Min(size, int.MaxValue));
        for (int block = 0; block + 8 <= bytes.Length;)
        {
            uint page = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(block));
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(block + 4));
            if (length == 0)
            {
                break;
            }

            if (length < 8 || length > bytes.Length - block)
            {
                throw new ImageException($"a block of {length} bytes in the PE relocations", at + block);
            }

            // An entry is a kind, 0 for none, and the place in the page.
            for (int entry = block + 8; entry + 2 <= block + (int)length; entry += 2)
            {
                if (BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(entry)) >> 12 != 0)
                {
                    pages.Add(page >> 12);
                    break;
                }
            }

            block += (int)length;
        }

        return pages;
    }

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
