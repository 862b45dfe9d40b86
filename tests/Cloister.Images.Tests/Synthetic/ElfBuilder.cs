using System.Text;

namespace Cloister.Images.Tests;

/// <summary>Writes ELF files, 64 or 32 bits: program headers, sections, a dynamic symbol table. System V ABI, "Object Files".</summary>
internal sealed class ElfBuilder
{
    private readonly List<(uint Type, uint Flags, ulong Offset, ulong Address, ulong FileSize, ulong MemorySize,
        ulong Align)> segments = [];
    private readonly List<(string Name, uint Type, ulong Address, ulong Offset, ulong Size, uint Link, ulong Align)> sections = [];
    private readonly List<byte> body = [];
    private readonly bool is32;

    public ElfBuilder(bool is32 = false)
    {
        this.is32 = is32;
        body.AddRange(new byte[HeaderSize + (16 * SegmentSize)]);
    }

    public ulong Entry { get; set; }

    private int WordSize => is32 ? 4 : 8;

    private int HeaderSize => is32 ? 52 : 64;

    private int SegmentSize => is32 ? 32 : 56;

    private int SectionSize => is32 ? 40 : 64;

    public ulong Append(byte[] bytes, int align = 16)
    {
        while (body.Count % align != 0)
        {
            body.Add(0);
        }

        ulong at = (ulong)body.Count;
        body.AddRange(bytes);
        return at;
    }

    /// <summary>A segment whose file offset has the same place in its page as its address.</summary>
    public ElfBuilder Load(ulong address, uint flags, byte[] content, ulong memorySize)
    {
        while ((ulong)body.Count % 4096 != address % 4096)
        {
            body.Add(0);
        }

        ulong offset = (ulong)body.Count;
        body.AddRange(content);
        return Segment(1, flags, offset, address, (ulong)content.Length, memorySize, 4096);
    }

    public ElfBuilder Segment(uint type, uint flags, ulong offset, ulong address, ulong fileSize, ulong memorySize, ulong align)
    {
        segments.Add((type, flags, offset, address, fileSize, memorySize, align));
        return this;
    }

    public ElfBuilder Section(string name, uint type, ulong address, ulong offset, ulong size, uint link = 0, ulong align = 1)
    {
        sections.Add((name, type, address, offset, size, link, align));
        return this;
    }

    /// <summary>Where <see cref="Symbols(ValueTuple{string, ulong}[])"/> put the names, and the table: in the file and in memory.</summary>
    public (ulong Strings, ulong Table) SymbolsAt { get; private set; }

    public ElfBuilder Symbols(params (string Name, ulong Value)[] symbols) =>
        Symbols([.. symbols.Select(symbol => (symbol.Name, symbol.Value, 0UL))]);

    public ElfBuilder Symbols(params (string Name, ulong Value, ulong Size)[] symbols)
    {
        var names = new List<byte> { 0 };
        var table = new List<byte>(new byte[is32 ? 16 : 24]);
        foreach ((string name, ulong value, ulong size) in symbols)
        {
            byte[] start = BitConverter.GetBytes(names.Count), kind = [0x10, 0, 1, 0];
            table.AddRange(is32 ? [.. start, .. Words(value, size), .. kind] : [.. start, .. kind, .. Words(value, size)]);
            names.AddRange(Encoding.ASCII.GetBytes(name));
            names.Add(0);
        }

        ulong strings = Append([.. names]);
        ulong at = Append([.. table]);
        SymbolsAt = (strings, at);
        Section(".dynstr", 3, strings, strings, (ulong)names.Count);
        return Section(".dynsym", 11, at, at, (ulong)table.Count, (uint)sections.Count);
    }

    /// <summary>Entries of a relocation table: with an addend in 64 bits, without in 32.</summary>
    public byte[] Relocations(params (ulong Offset, uint Type)[] entries)
        => [.. entries.SelectMany(entry => is32 ? Words(entry.Offset, entry.Type) : Words(entry.Offset, entry.Type, 0))];

    /// <summary>Words of the file's size.</summary>
    public byte[] Words(params ulong[] values) => [.. values.SelectMany(value => BitConverter.GetBytes(value)[..WordSize])];

    public byte[] Build()
    {
        var names = new List<byte> { 0 };
        var headers = new List<byte>(new byte[SectionSize]);
        Section(".shstrtab", 3, 0, 0, 0);
        int namesIndex = sections.Count;
        foreach ((string name, uint type, ulong address, ulong offset, ulong size, uint link, ulong align) in sections)
        {
            headers.AddRange([.. BitConverter.GetBytes(names.Count), .. BitConverter.GetBytes(type), .. Words(0, address, offset, size)]);
            headers.AddRange([.. BitConverter.GetBytes(link), .. new byte[4], .. Words(align, type == 11 ? (is32 ? 16u : 24u) : 0)]);
            names.AddRange(Encoding.ASCII.GetBytes(name));
            names.Add(0);
        }

        ulong namesAt = Append([.. names]);
        byte[] table = [.. headers];
        Words(namesAt, (ulong)names.Count).CopyTo(table, (namesIndex * SectionSize) + 8 + (2 * WordSize));
        ulong sectionsAt = Append(table);

        byte[] file = [.. body];
        byte[] head =
        [
            0x7f, (byte)'E', (byte)'L', (byte)'F', (byte)(is32 ? 1 : 2), 1, 1, .. new byte[9],
            .. Halves(3, is32 ? 3 : 62), .. BitConverter.GetBytes(1), .. Words(Entry, (ulong)HeaderSize, sectionsAt), .. new byte[4],
            .. Halves(HeaderSize, SegmentSize, segments.Count, SectionSize, sections.Count + 1, namesIndex),
        ];
        head.CopyTo(file, 0);
        for (int i = 0; i < segments.Count; i++)
        {
            (uint type, uint flags, ulong offset, ulong address, ulong fileSize, ulong memorySize, ulong align) = segments[i];
            byte[] header = is32
                ? [.. Words(type, offset, address, address, fileSize, memorySize, flags, align)]
                : [.. BitConverter.GetBytes(type), .. BitConverter.GetBytes(flags),
                    .. Words(offset, address, address, fileSize, memorySize, align)];
            header.CopyTo(file, HeaderSize + (i * SegmentSize));
        }

        return file;
    }

    private static byte[] Halves(params int[] values) => [.. values.SelectMany(value => BitConverter.GetBytes((ushort)value))];
}
