using System.Buffers.Binary;
using System.Text;

namespace Cloister.Images.Tests;

/// <summary>Writes ELF64 files: program headers, sections, a dynamic symbol table.</summary>
internal sealed class ElfBuilder
{
    private readonly List<(uint Type, uint Flags, ulong Offset, ulong Address, ulong FileSize, ulong MemorySize, ulong Align)> segments = [];
    private readonly List<(string Name, uint Type, ulong Address, ulong Offset, ulong Size, uint Link, ulong Align)> sections = [];
    private readonly List<byte> body = [];

    public ElfBuilder() => body.AddRange(new byte[64 + (16 * 56)]);

    public ulong Entry { get; set; }

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

    public ElfBuilder Symbols(params (string Name, ulong Value)[] symbols)
    {
        var names = new List<byte> { 0 };
        var table = new List<byte>(new byte[24]);
        foreach ((string name, ulong value) in symbols)
        {
            byte[] entry = new byte[24];
            BinaryPrimitives.WriteUInt32LittleEndian(entry, (uint)names.Count);
            entry[4] = 0x10;
            entry[6] = 1;
            BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(8), value);
            table.AddRange(entry);
            names.AddRange(Encoding.ASCII.GetBytes(name));
            names.Add(0);
        }

        ulong strings = Append([.. names]);
        ulong at = Append([.. table]);
        Section(".dynstr", 3, strings, strings, (ulong)names.Count);
        return Section(".dynsym", 11, at, at, (ulong)table.Count, (uint)sections.Count);
    }

    public byte[] Build()
    {
        var names = new List<byte> { 0 };
        var headers = new List<byte>(new byte[64]);
        Section(".shstrtab", 3, 0, 0, 0);
        int namesIndex = sections.Count;
        foreach ((string name, uint type, ulong address, ulong offset, ulong size, uint link, ulong align) in sections)
        {
            byte[] header = new byte[64];
            BinaryPrimitives.WriteUInt32LittleEndian(header, (uint)names.Count);
            BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), type);
            BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(16), address);
            BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(24), offset);
            BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(32), size);
            BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(40), link);
            BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(48), align);
            headers.AddRange(header);
            names.AddRange(Encoding.ASCII.GetBytes(name));
            names.Add(0);
        }

        ulong namesAt = Append([.. names]);
        byte[] table = [.. headers];
        BinaryPrimitives.WriteUInt64LittleEndian(table.AsSpan((namesIndex * 64) + 24), namesAt);
        BinaryPrimitives.WriteUInt64LittleEndian(table.AsSpan((namesIndex * 64) + 32), (ulong)names.Count);
        ulong sectionsAt = Append(table);

        byte[] file = [.. body];
        new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(file, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(16), 3);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(18), 62);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(20), 1);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(24), Entry);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(32), 64);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(40), sectionsAt);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(52), 64);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(54), 56);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(56), (ushort)segments.Count);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(58), 64);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(60), (ushort)(sections.Count + 1));
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(62), (ushort)namesIndex);
        for (int i = 0; i < segments.Count; i++)
        {
            Span<byte> header = file.AsSpan(64 + (i * 56));
            BinaryPrimitives.WriteUInt32LittleEndian(header, segments[i].Type);
            BinaryPrimitives.WriteUInt32LittleEndian(header[4..], segments[i].Flags);
            ulong[] words = [segments[i].Offset, segments[i].Address, segments[i].Address, segments[i].FileSize, segments[i].MemorySize, segments[i].Align];
            for (int j = 0; j < words.Length; j++)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(header[(8 + (j * 8))..], words[j]);
            }
        }

        return file;
    }
}
