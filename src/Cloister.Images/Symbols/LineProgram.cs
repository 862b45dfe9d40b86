using System.Buffers.Binary;
using System.Text;

namespace Cloister.Images.Symbols;

/// <summary>One program of .debug_line: its header, and its rows. DWARF 5, 6.2.</summary>
internal ref struct LineProgram
{
    private const int FormString = 0x08, FormLineString = 0x1f, FormStrp = 0x0e, FormUdata = 0x0f, FormData1 = 0x0b, FormData2 = 0x05,
        FormData4 = 0x06, FormData8 = 0x07, FormData16 = 0x1e, FormBlock = 0x09;
    private const int PathContent = 1, DirectoryContent = 2;
    private const int MostRows = 8_000_000;

    private readonly ReadOnlySpan<byte> _bytes, _lineStrings, _strings;
    private readonly List<string> _directories = [];
    private readonly List<SourceFile> _files = [];
    private int _at;
    private bool _isLong;

    private LineProgram(ReadOnlySpan<byte> bytes, int at, ReadOnlySpan<byte> lineStrings, ReadOnlySpan<byte> strings)
    {
        _bytes = bytes;
        _at = at;
        _lineStrings = lineStrings;
        _strings = strings;
    }

    /// <summary>Runs the program at an offset.</summary>
    /// <returns>Where the next one begins.</returns>
    public static int Run(ReadOnlySpan<byte> bytes, int at, ReadOnlySpan<byte> lineStrings, ReadOnlySpan<byte> strings,
        List<(ulong Address, SourceFile? File, int Line)> rows)
    {
        var program = new LineProgram(bytes, at, lineStrings, strings);
        return program.Run(rows);
    }

    private int Run(List<(ulong Address, SourceFile? File, int Line)> rows)
    {
        ulong length = U32();
        if (length == uint.MaxValue)
        {
            (_isLong, length) = (true, U64());
        }

        int end = Within(length);
        int version = U16();
        if (version is < 2 or > 5)
        {
            return end;
        }

        if (version == 5)
        {
            _at += 2; // sizes of addresses and segment selectors
        }

        ulong headerLength = Offset();
        int code = Within(headerLength);
        int minimumLength = U8();
        if (version >= 4)
        {
            _at++; // operations of an instruction: 1 but for VLIW
        }

        _at++; // default_is_stmt
        int lineBase = (sbyte)U8(), lineRange = U8(), opcodeBase = U8();
        ArgumentOutOfRangeException.ThrowIfZero(lineRange);
        ReadOnlySpan<byte> operands = _bytes.Slice(_at, opcodeBase - 1);
        _at += opcodeBase - 1;
        if (version == 5)
        {
            ReadTables();
        }
        else
        {
            ReadOldTables();
        }

        _at = code;
        Execute(end, minimumLength, lineBase, lineRange, opcodeBase, operands, version, rows);
        return end;
    }

    private void Execute(int end, int minimumLength, int lineBase, int lineRange, int opcodeBase, ReadOnlySpan<byte> operands, int version,
        List<(ulong Address, SourceFile? File, int Line)> rows)
    {
        (ulong address, int file, int line) = (0UL, 1, 1);
        while (_at < end)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(rows.Count, MostRows);
            int opcode = U8();
            if (opcode >= opcodeBase)
            {
                int adjusted = opcode - opcodeBase;
                address += (ulong)(adjusted / lineRange * minimumLength);
                line += lineBase + adjusted % lineRange;
                rows.Add((address, FileOf(file, version), line));
                continue;
            }

            switch (opcode)
            {
                case 0:
                    ulong length = Unsigned();
                    int next = Within(length);
                    switch (U8())
                    {
                        case 1: // end of a sequence
                            rows.Add((address, null, 0));
                            (address, file, line) = (0, 1, 1);
                            break;
                        case 2:
                            address = length == 9 ? U64() : U32();
                            break;
                    }

                    _at = next;
                    break;
                case 1: // copy
                    rows.Add((address, FileOf(file, version), line));
                    break;
                case 2: // advance pc
                    address += Unsigned() * (ulong)minimumLength;
                    break;
                case 3: // advance line
                    line += (int)Signed();
                    break;
                case 4: // set file
                    file = (int)Unsigned();
                    break;
                case 8: // const add pc
                    address += (ulong)((255 - opcodeBase) / lineRange * minimumLength);
                    break;
                case 9: // fixed advance pc
                    address += (ulong)U16();
                    break;
                default:
                    for (int i = operands[opcode - 1]; i > 0; i--)
                    {
                        _ = Unsigned();
                    }

                    break;
            }
        }
    }

    private readonly SourceFile FileOf(int file, int version)
    {
        int index = version == 5 ? file : file - 1;
        return index >= 0 && index < _files.Count ? _files[index] : SourceFile.Unknown;
    }

    // Number 0 is where the compiler ran; before version 5 only .debug_info says where that was.
    private static SourceFile FileIn(string name, ulong directory, List<string> directories) => new(
        name, Path.Combine(directories.Count > 0 ? directories[0] : "", directory < (ulong)directories.Count
            ? directories[(int)directory] : "", name));

    private void ReadOldTables()
    {
        _directories.Add("");
        while (_bytes[_at] != 0)
        {
            _directories.Add(Text());
        }

        _at++;
        while (_bytes[_at] != 0)
        {
            string name = Text();
            ulong directory = Unsigned();
            _ = Unsigned();
            _ = Unsigned();
            _files.Add(FileIn(name, directory, _directories));
        }
    }

    private void ReadTables()
    {
        foreach ((string directory, _) in ReadEntries())
        {
            _directories.Add(directory);
        }

        foreach ((string name, ulong directory) in ReadEntries())
        {
            _files.Add(FileIn(name, directory, _directories));
        }
    }

    private List<(string Name, ulong Directory)> ReadEntries()
    {
        var formats = new List<(int Content, int Form)>();
        for (int i = U8(); i > 0; i--)
        {
            formats.Add(((int)Unsigned(), (int)Unsigned()));
        }

        // Each takes a byte at least, so that a count beyond what there is comes to the end of the bytes.
        var entries = new List<(string Name, ulong Directory)>();
        for (ulong i = formats.Count == 0 ? 0 : Unsigned(); i > 0; i--)
        {
            (string name, ulong directory) = ("?", 0);
            foreach ((int content, int form) in formats)
            {
                string? text = Value(form, out ulong number);
                name = content == PathContent && text is not null ? text : name;
                directory = content == DirectoryContent ? number : directory;
            }

            entries.Add((name, directory));
        }

        return entries;
    }

    private string? Value(int form, out ulong number)
    {
        number = 0;
        switch (form)
        {
            case FormString: return Text();
            case FormLineString: return TextAt(_lineStrings, Offset());
            case FormStrp: return TextAt(_strings, Offset());
            case FormUdata: number = Unsigned(); return null;
            case FormData1: number = (ulong)U8(); return null;
            case FormData2: number = (ulong)U16(); return null;
            case FormData4: _at += 4; return null;
            case FormData8: _at += 8; return null;
            case FormData16: _at += 16; return null;
            case FormBlock: _at = Within(Unsigned()); return null;
            default: throw new ArgumentOutOfRangeException(nameof(form));
        }
    }

    private string Text()
    {
        int length = _bytes[_at..].IndexOf((byte)0);
        string text = Encoding.UTF8.GetString(_bytes.Slice(_at, length));
        _at += length + 1;
        return text;
    }

    private static string? TextAt(ReadOnlySpan<byte> strings, ulong offset)
    {
        if (offset >= (ulong)strings.Length)
        {
            return null;
        }

        ReadOnlySpan<byte> text = strings[(int)offset..];
        return Encoding.UTF8.GetString(text[..text.IndexOf((byte)0)]);
    }

    // Where so many bytes end, which must be there: what is damaged must neither lead back nor out.
    private readonly int Within(ulong length) =>
        length <= (ulong)(_bytes.Length - _at) ? _at + (int)length : throw new ArgumentOutOfRangeException(nameof(length));

    private ulong Offset() => _isLong ? U64() : U32();

    private int U8() => _bytes[_at++];

    private int U16()
    {
        _at += 2;
        return BinaryPrimitives.ReadUInt16LittleEndian(_bytes[(_at - 2)..]);
    }

    private uint U32()
    {
        _at += 4;
        return BinaryPrimitives.ReadUInt32LittleEndian(_bytes[(_at - 4)..]);
    }

    private ulong U64()
    {
        _at += 8;
        return BinaryPrimitives.ReadUInt64LittleEndian(_bytes[(_at - 8)..]);
    }

    private ulong Unsigned()
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = _bytes[_at++];
            value |= shift < 64 ? (ulong)(next & 0x7f) << shift : 0;
            if ((next & 0x80) == 0)
            {
                return value;
            }
        }
    }

    private long Signed()
    {
        long value = 0;
        for (int shift = 0; ;)
        {
            byte next = _bytes[_at++];
            value |= shift < 64 ? (long)(next & 0x7f) << shift : 0;
            shift += 7;
            if ((next & 0x80) == 0)
            {
                return shift < 64 && (next & 0x40) != 0 ? value | -1L << shift : value;
            }
        }
    }
}
