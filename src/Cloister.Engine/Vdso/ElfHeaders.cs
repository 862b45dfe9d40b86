using System.Buffers.Binary;
using System.Text;

namespace Cloister.Engine.Vdso;

/// <summary>The ELF headers of <see cref="VdsoImage"/> and shared libraries: what a dynamic linker, or a runtime that
/// is its own, finds the functions by.</summary>
/// <remarks>As the kernel's (arch/x86/entry/vdso/vdso.lds.S): DT_HASH, and every symbol of the vDSO's of version
/// LINUX_2.6. DT_VERSYM and DT_VERDEF are taken for granted by some: Go's runtime (runtime/vdso_linux.go, vdsoFindVersion) reads DT_VERDEF
/// unasked. The numbers are of the System V ABI, "Sections", "Dynamic Linking" and, of versions, the Linux Standard
/// Base, "Symbol Versioning".</remarks>
internal sealed class ElfHeaders
{
    /// <summary>Functions at most; the kernel's own has a dozen.</summary>
    public const int MostSymbols = 32;

    /// <summary>Bytes at the end of the image that the section headers need.</summary>
    /// <remarks>They are the last of a file that a linker made. Some programs take their end for its size, and for wrong what lies behind
    /// (bfd/elfcode.h, elf_object_from_remote_memory; Open Enclave, host/sgx/elf.c).</remarks>
    public const int SectionHeadersLength = 11 * SectionLength;

    private const int PageLength = 4096;
    private const int HeaderLength = 64, SegmentLength = 56, SectionLength = 64, SymbolLength = 24, DynamicLength = 16,
        DefinitionLength = 28;
    private const ushort BaseVersion = 1, OwnVersion = 2;

    private readonly byte[] _image;
    private readonly List<(string Name, uint Type, int Flags, int Offset, int Length, uint Link, uint Info, int Entry,
        int Align)> _sections = [("", 0, 0, 0, 0, 0, 0, 0, 0)];
    private readonly List<byte> _strings = [0]; // the string of index 0 is empty
    private readonly List<(uint Type, uint Flags, int Offset, int Length, ulong Align)> _segments = [];
    private (uint Type, uint Flags, int Offset, int Length, ulong Align)? _unwinding;
    private int _end;

    private ElfHeaders(byte[] image) => _image = image;

    /// <summary>Writes them before the text, and the section headers at the end.</summary>
    /// <param name="image">The image, whose last <see cref="SectionHeadersLength"/> bytes are free. Symbols' addresses are relative to its
    /// beginning.</param>
    /// <param name="symbols">Its functions.</param>
    /// <param name="text">Where its code lies.</param>
    /// <param name="soname">Its name.</param>
    /// <param name="version">The version of its symbols; null: they have none.</param>
    /// <param name="writablePage">Where a page lies that gets what dynamic linkers write to; null: nobody will.</param>
    /// <param name="framed">Where its last function lies, which has a frame pointer; null: nobody unwinds.</param>
    public static void Write(byte[] image, IReadOnlyCollection<VdsoSymbol> symbols, Range text, string soname, string? version,
        int? writablePage, int? framed = null) =>
        new ElfHeaders(image).Write([.. symbols.Take(MostSymbols)], text, soname, version, writablePage, framed);

    /// <summary>The hash of DT_HASH and of version definitions. System V ABI, "Hash Table".</summary>
    public static uint Hash(string name)
    {
        uint hash = 0;
        foreach (char c in name)
        {
            hash = (hash << 4) + c;
            uint high = hash & 0xf0000000;
            hash = (hash ^ (high >> 24)) & ~high;
        }

        return hash;
    }

    private void Write(VdsoSymbol[] symbols, Range text, string soname, string? version, int? writablePage, int? framed)
    {
        const int allocated = 2, executable = 4;
        const uint dynsym = 2, dynstr = 3;
        _end = HeaderLength + (writablePage is null ? framed is null ? 2 : 3 : 4) * SegmentLength;
        int count = symbols.Length + 1, textOffset = text.Start.Value;
        _sections.Add((".text", 1, allocated | executable, textOffset, text.End.Value - textOffset, 0, 0, 0, 16));
        int table = Place(".dynsym", 11, count * SymbolLength, dynstr, 1, SymbolLength);
        uint name = String(soname), ownVersion = version is null ? 0 : String(version);
        for (int i = 0; i < symbols.Length; i++)
        {
            // Up to the next, or the end of the text.
            ulong begin = symbols[i].Address;
            ulong end = symbols.Select(other => other.Address).Where(other => other > begin).DefaultIfEmpty((ulong)text.End.Value).Min();
            WriteSymbol(table + (i + 1) * SymbolLength, symbols[i], end - begin);
        }

        int strings = Place(".dynstr", 3, _strings.Count, 0, 0, 0, align: 1);
        _strings.CopyTo(_image, strings);
        int hash = Place(".hash", 5, 12 + count * sizeof(uint), dynsym, 0, 4);
        WriteHash(hash, count);
        List<(ulong Tag, int Value)> dynamic = [(14, (int)name), (4, hash), (5, strings), (6, table), (10, _strings.Count),
            (11, SymbolLength)];
        if (version is not null)
        {
            dynamic.AddRange(WriteVersions(count, (soname, name), (version, ownVersion), dynsym, dynstr));
        }

        if (framed is { } last)
        {
            WriteUnwinding(textOffset, last, text.End.Value);
        }

        dynamic.Add((0, 0));
        WriteDynamic(dynamic, dynstr, writablePage);
        WriteHeader(WriteSections());
    }

    private void WriteUnwinding(int first, int framed, int end)
    {
        const uint header = 0x6474e550, read = 4;
        int at = Place(".eh_frame_hdr", 1, UnwindTable.HeaderLength, 0, 0, 0, align: 4);
        int table = (_end + 7) & ~7;
        byte[] bytes = UnwindTable.Build(table, first, framed, end);
        bytes.CopyTo(_image, Place(".eh_frame", 1, bytes.Length, 0, 0, 0));
        UnwindTable.Header(at, table).CopyTo(_image, at);
        _unwinding = (header, read, at, UnwindTable.HeaderLength, 4);
    }

    private (ulong Tag, int Value)[] WriteVersions(int count, (string Text, uint Offset) soname, (string Text, uint Offset) version,
        uint dynsym, uint dynstr)
    {
        int versions = Place(".gnu.version", 0x6fffffff, count * sizeof(ushort), dynsym, 0, 2, align: 2);
        for (int i = 1; i < count; i++)
        {
            U16(versions + i * sizeof(ushort), OwnVersion);
        }

        int definitions = Place(".gnu.version_d", 0x6ffffffd, 2 * DefinitionLength, dynstr, 2, 0);
        WriteDefinition(definitions, BaseVersion, soname.Text, soname.Offset, last: false);
        WriteDefinition(definitions + DefinitionLength, OwnVersion, version.Text, version.Offset, last: true);
        return [(0x6ffffffc, definitions), (0x6ffffffd, 2), (0x6ffffff0, versions)];
    }

    // And the segments. A page that is written to is one of its own, so that no code can be. glibc before 2.35 makes the dynamic section's
    // addresses absolute in place (elf/get-dynamic-info.h), and without PT_GNU_STACK it wants stacks to be executable (elf/dl-load.c).
    private void WriteDynamic(List<(ulong Tag, int Value)> dynamic, uint dynstr, int? writablePage)
    {
        const uint load = 1, dynamicSegment = 2, stack = 0x6474e551, execute = 1, write = 2, read = 4;
        int length = dynamic.Count * DynamicLength, at = writablePage ?? Place(".dynamic", 6, length, dynstr, 0, DynamicLength);
        if (writablePage is { } page)
        {
            _sections.Add((".dynamic", 6, 3, page, length, dynstr, 0, DynamicLength, 8));
            _segments.Add((load, read | execute, 0, page, PageLength));
            _segments.Add((load, read | write, page, PageLength, PageLength));
            _segments.Add((dynamicSegment, read | write, at, length, 8));
            _segments.Add((stack, read | write, 0, 0, 16));
        }
        else
        {
            _segments.Add((load, read | execute, 0, _image.Length, PageLength));
            _segments.Add((dynamicSegment, read, at, length, 8));
            if (_unwinding is { } unwinding)
            {
                _segments.Add(unwinding);
            }
        }

        for (int i = 0; i < dynamic.Count; i++)
        {
            U64(at + i * DynamicLength, dynamic[i].Tag);
            U64(at + i * DynamicLength + 8, (ulong)dynamic[i].Value);
        }

        for (int i = 0; i < _segments.Count; i++)
        {
            (uint type, uint flags, int offset, int size, ulong align) = _segments[i];
            WriteSegment(HeaderLength + i * SegmentLength, type, flags, offset, size, align);
        }
    }

    private void WriteHeader(int sections)
    {
        byte[] identification = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0];
        identification.CopyTo(_image, 0);
        U16(16, 3); // ET_DYN
        U16(18, 62); // EM_X86_64
        U32(20, 1);
        U64(32, HeaderLength);
        U64(40, (ulong)sections);
        U16(52, HeaderLength);
        U16(54, SegmentLength);
        U16(56, (ushort)_segments.Count);
        U16(58, SectionLength);
        U16(60, (ushort)_sections.Count);
        U16(62, (ushort)(_sections.Count - 1));
    }

    private void WriteSegment(int at, uint type, uint flags, int offset, int length, ulong align)
    {
        U32(at, type);
        U32(at + 4, flags);
        U64(at + 8, (ulong)offset);
        U64(at + 16, (ulong)offset);
        U64(at + 24, (ulong)offset);
        U64(at + 32, (ulong)length);
        U64(at + 40, (ulong)length);
        U64(at + 48, align);
    }

    private void WriteSymbol(int at, VdsoSymbol symbol, ulong size)
    {
        U32(at, String(symbol.Name));
        _image[at + 4] = 0x12; // STB_GLOBAL, STT_FUNC
        U16(at + 6, 1);
        U64(at + 8, symbol.Address);
        U64(at + 16, size);
    }

    // One bucket: a chain through all symbols.
    private void WriteHash(int at, int count)
    {
        U32(at, 1);
        U32(at + 4, (uint)count);
        U32(at + 8, 1);
        for (int i = 1; i < count; i++)
        {
            U32(at + 12 + i * 4, (uint)(i + 1 < count ? i + 1 : 0));
        }
    }

    // Elf64_Verdef and its one Elf64_Verdaux. The first names the file (VER_FLG_BASE).
    private void WriteDefinition(int at, ushort index, string name, uint nameOffset, bool last)
    {
        const int auxiliary = 20;
        U16(at, 1);
        U16(at + 2, (ushort)(index == BaseVersion ? 1 : 0));
        U16(at + 4, index);
        U16(at + 6, 1);
        U32(at + 8, Hash(name));
        U32(at + 12, auxiliary);
        U32(at + 16, last ? 0u : DefinitionLength);
        U32(at + auxiliary, nameOffset);
    }

    // As the kernel's has them: some programs look for .dynsym and .dynstr.
    private int WriteSections()
    {
        string names = string.Concat(_sections.Select(section => section.Name + "\0")) + ".shstrtab\0";
        int offset = Place(".shstrtab", 3, names.Length, 0, 0, 0, align: 1, flags: 0);
        _ = Encoding.ASCII.GetBytes(names, _image.AsSpan(offset));
        if (_end > _sections[1].Offset || _sections.Count * SectionLength > SectionHeadersLength)
        {
            throw new InvalidOperationException("the headers reach into the text");
        }

        int first = _image.Length - _sections.Count * SectionLength, at = first, name = 0;
        foreach ((string text, uint type, int flags, int start, int length, uint link, uint info, int entry, int align) in _sections)
        {
            U32(at, (uint)name);
            U32(at + 4, type);
            U64(at + 8, (ulong)flags);
            U64(at + 16, flags != 0 ? (ulong)start : 0);
            U64(at + 24, (ulong)start);
            U64(at + 32, (ulong)length);
            U32(at + 40, link);
            U32(at + 44, info);
            U64(at + 48, (ulong)align);
            U64(at + 56, (ulong)entry);
            name += text.Length + 1;
            at += SectionLength;
        }

        return first;
    }

    // Takes room for a section.
    private int Place(string name, uint type, int length, uint link, uint info, int entry, int align = 8, int flags = 2)
    {
        _end = (_end + align - 1) & -align;
        int at = _end;
        _sections.Add((name, type, flags, at, length, link, info, entry, align));
        _end += length;
        return at;
    }

    private uint String(string text)
    {
        uint at = (uint)_strings.Count;
        _strings.AddRange(Encoding.ASCII.GetBytes(text + "\0"));
        return at;
    }

    private void U16(int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(_image.AsSpan(at), value);

    private void U32(int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(_image.AsSpan(at), value);

    private void U64(int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(_image.AsSpan(at), value);
}
