using System.Buffers.Binary;

namespace Cloister.Images;

/// <summary>What an enclave's loader needs of an ELF file, 32 or 64 bits, little-endian. System V ABI, "Object Files".</summary>
internal sealed class ElfFile
{
    public const ushort MachineI386 = 3;
    public const ushort MachineX8664 = 62;
    public const uint SegmentLoad = 1;
    public const uint SegmentDynamic = 2;
    public const uint SegmentTls = 7;
    public const uint SectionStringTable = 3;
    public const uint SectionSymbols = 2;
    public const uint SectionDynamicSymbols = 11;

    private readonly long sectionNames = -1;

    public ElfFile(ByteSource source)
    {
        Source = source;
        Span<byte> header = stackalloc byte[64];
        header.Clear();
        source.Read(0, header[..(int)Math.Min(64, source.Length)]);
        if (!header.StartsWith("\u007fELF"u8))
        {
            throw new ImageException("no ELF file", 0);
        }

        Is64 = header[4] switch
        {
            1 => false,
            2 => true,
            _ => throw new ImageException($"ELF class {header[4]} is neither 32 nor 64 bits", 4),
        };
        if (header[5] != 1)
        {
            throw new ImageException("the ELF file is not little-endian", 5);
        }

        if (source.Length < (Is64 ? 64 : 52))
        {
            throw new ImageException("the ELF header is cut off", source.Length);
        }

        Type = BinaryPrimitives.ReadUInt16LittleEndian(header[16..]);
        Machine = BinaryPrimitives.ReadUInt16LittleEndian(header[18..]);
        Entry = Word(header[24..]);
        ulong segments = Word(header[(Is64 ? 32 : 28)..]);
        ulong sections = Word(header[(Is64 ? 40 : 32)..]);
        ReadOnlySpan<byte> counts = header[(Is64 ? 54 : 42)..];
        ushort segmentSize = BinaryPrimitives.ReadUInt16LittleEndian(counts);
        ushort segmentCount = BinaryPrimitives.ReadUInt16LittleEndian(counts[2..]);
        ushort sectionSize = BinaryPrimitives.ReadUInt16LittleEndian(counts[4..]);
        ushort sectionCount = BinaryPrimitives.ReadUInt16LittleEndian(counts[6..]);
        ushort namesIndex = BinaryPrimitives.ReadUInt16LittleEndian(counts[8..]);

        Segments = ReadSegments(segments, segmentSize, segmentCount);
        Sections = ReadSections(sections, sectionSize, sectionCount);
        if (namesIndex < Sections.Count)
        {
            sectionNames = (long)Math.Min(Sections[namesIndex].FileOffset, long.MaxValue);
        }
    }

    public ByteSource Source { get; }

    public bool Is64 { get; }

    public ushort Type { get; }

    public ushort Machine { get; }

    public ulong Entry { get; }

    public IReadOnlyList<ElfSegment> Segments { get; }

    public IReadOnlyList<ElfSection> Sections { get; }

    public IEnumerable<ElfSegment> LoadSegments => Segments.Where(segment => segment.Type == SegmentLoad);

    public static bool Is(ByteSource source)
    {
        Span<byte> magic = stackalloc byte[4];
        if (source.Length < magic.Length)
        {
            return false;
        }

        source.Read(0, magic);
        return magic.SequenceEqual("\u007fELF"u8);
    }

    public string NameOf(ElfSection section)
        => sectionNames < 0 || sectionNames > Source.Length - section.Name - 1L ? "" : Source.ReadText(sectionNames + section.Name);

    public ElfSection? FindSection(string name)
    {
        foreach (ElfSection section in Sections)
        {
            if (NameOf(section) == name)
            {
                return section;
            }
        }

        return null;
    }

    /// <summary>The value of an entry of the dynamic segment, or null. System V ABI, "Dynamic Section".</summary>
    public ulong? FindDynamic(ulong tag)
    {
        foreach ((ulong found, ulong value) in Dynamic())
        {
            if (found == tag)
            {
                return value;
            }
        }

        return null;
    }

    public IEnumerable<(ulong Tag, ulong Value)> Dynamic()
    {
        int entry = Is64 ? 16 : 8;
        foreach (ElfSegment segment in Segments.Where(segment => segment.Type == SegmentDynamic).Take(1))
        {
            for (ulong at = 0; at + (ulong)entry <= segment.FileSize; at += (ulong)entry)
            {
                (ulong tag, ulong value) = Pair(Place(segment.FileOffset, at));
                if (tag == 0)
                {
                    break;
                }

                yield return (tag, value);
            }
        }
    }

    public IEnumerable<ElfSymbol> Symbols(uint sectionType)
    {
        ElfSection? table = Sections.FirstOrDefault(section => section.Type == sectionType);
        if (table is not { } symbols || symbols.Link >= Sections.Count)
        {
            yield break;
        }

        ulong names = Sections[(int)symbols.Link].FileOffset;
        int size = Is64 ? 24 : 16;
        byte[] entry = new byte[size];
        for (ulong at = (ulong)size; at + (ulong)size <= symbols.Size; at += (ulong)size)
        {
            Source.Read(Place(symbols.FileOffset, at), entry);
            uint name = BinaryPrimitives.ReadUInt32LittleEndian(entry);
            byte info = entry[Is64 ? 4 : 12];
            ushort section = BinaryPrimitives.ReadUInt16LittleEndian(entry.AsSpan(Is64 ? 6 : 14));
            ulong value = Word(entry.AsSpan(Is64 ? 8 : 4));
            ulong length = Word(entry.AsSpan(Is64 ? 16 : 8));
            if (name != 0)
            {
                yield return new ElfSymbol(Source.ReadText(Place(names, name)), value, length, section == 0, info >> 4 == 2,
                    (info & 0xf) == 2);
            }
        }
    }

    public ElfSymbol? FindDynamicSymbol(string name)
    {
        foreach (ElfSymbol symbol in Symbols(SectionDynamicSymbols))
        {
            if (symbol.Name == name)
            {
                return symbol;
            }
        }

        return null;
    }

    /// <summary>Where the file keeps a linear address, or null when no segment's file bytes cover it.</summary>
    public ulong? FileOffsetOf(ulong address)
    {
        foreach (ElfSegment segment in LoadSegments)
        {
            if (address >= segment.Address && address - segment.Address < segment.FileSize)
            {
                return segment.FileOffset + (address - segment.Address);
            }
        }

        return null;
    }

    private ElfSegment[] ReadSegments(ulong offset, int size, int count)
    {
        int expected = Is64 ? 56 : 32;
        if (count != 0 && size != expected)
        {
            throw new ImageException($"ELF program headers of {size} bytes, {expected} expected", 0);
        }

        RequireTable(offset, size, count, "program headers");
        var segments = new ElfSegment[count];
        byte[] header = new byte[expected];
        for (int i = 0; i < count; i++)
        {
            Source.Read((long)offset + ((long)i * size), header);
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(header);
            uint flags = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(Is64 ? 4 : 24));
            segments[i] = Is64
                ? new ElfSegment(type, flags, Word(header.AsSpan(8)), Word(header.AsSpan(16)), Word(header.AsSpan(32)),
                    Word(header.AsSpan(40)), Word(header.AsSpan(48)))
                : new ElfSegment(type, flags, Word(header.AsSpan(4)), Word(header.AsSpan(8)), Word(header.AsSpan(16)),
                    Word(header.AsSpan(20)), Word(header.AsSpan(28)));
        }

        return segments;
    }

    private ElfSection[] ReadSections(ulong offset, int size, int count)
    {
        if (offset == 0 || count == 0)
        {
            return [];
        }

        int expected = Is64 ? 64 : 40;
        if (size != expected)
        {
            throw new ImageException($"ELF section headers of {size} bytes, {expected} expected", 0);
        }

        RequireTable(offset, size, count, "section headers");
        var sections = new ElfSection[count];
        byte[] header = new byte[expected];
        for (int i = 0; i < count; i++)
        {
            Source.Read((long)offset + ((long)i * size), header);
            uint name = BinaryPrimitives.ReadUInt32LittleEndian(header);
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(4));
            int word = Is64 ? 8 : 4;
            uint link = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8 + (4 * word)));
            sections[i] = new ElfSection(
                name,
                type,
                Word(header.AsSpan(8)),
                Word(header.AsSpan(8 + word)),
                Word(header.AsSpan(8 + (2 * word))),
                Word(header.AsSpan(8 + (3 * word))),
                link,
                Word(header.AsSpan(16 + (4 * word))));
        }

        return sections;
    }

    private void RequireTable(ulong offset, int size, int count, string what)
    {
        if (!Source.Contains(offset, (ulong)size * (ulong)count))
        {
            throw new ImageException($"the ELF {what} reach past the end of the file", (long)Math.Min(offset, long.MaxValue));
        }
    }

    private (ulong First, ulong Second) Pair(long offset)
    {
        Span<byte> bytes = stackalloc byte[16];
        int word = Is64 ? 8 : 4;
        Source.Read(offset, bytes[..(2 * word)]);
        return (Word(bytes), Word(bytes[word..]));
    }

    private ulong Word(ReadOnlySpan<byte> bytes)
        => Is64 ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    private static long Place(ulong offset, ulong more)
        => offset <= long.MaxValue && more <= (ulong)long.MaxValue - offset
            ? (long)(offset + more)
            : throw new ImageException("an ELF table lies outside the file", long.MaxValue);
}
