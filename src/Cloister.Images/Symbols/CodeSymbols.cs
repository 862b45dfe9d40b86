using Cloister.Architecture;
namespace Cloister.Images.Symbols;

/// <summary>The functions of an ELF file, and where its code is in the sources: .symtab or .dynsym, and .debug_line.</summary>
public sealed class CodeSymbols
{
    private const uint FunctionLimit = 1_000_000;
    private readonly ElfSymbol[] _functions;
    private readonly ElfSegment[] _code;
    private readonly LineTable? _lines;
    private readonly FrameTable? _frames;
    private readonly ByteSource _source;
    private readonly Dictionary<ElfSegment, byte[]> _contents = [];

    private CodeSymbols(ElfFile elf)
    {
        _source = elf.Source;
        _code = [.. elf.LoadSegments.Where(segment => (segment.Flags & ElfSegment.Execute) != 0 && segment.FileSize <= int.MaxValue)];
        ElfSymbol[] functions = [.. Defined(elf, ElfFile.SectionSymbols)];
        _functions = functions.Length > 0 ? functions : [.. Defined(elf, ElfFile.SectionDynamicSymbols)];
        Array.Sort(_functions, (one, other) => one.Value.CompareTo(other.Value));
        Dynamic = elf.FindSection(".dynamic") is { } dynamic ? dynamic.Address : null;
        _lines = LineTable.Read(elf);
        _frames = FrameTable.Read(elf);
    }

    /// <summary>The file's own address of its dynamic section; null for none.</summary>
    public ulong? Dynamic { get; }

    /// <summary>Reads a file; null when it is no ELF file, or one that cannot be read.</summary>
    /// <param name="source">The file, which must stay open.</param>
    public static CodeSymbols? Read(ByteSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        try
        {
            return ElfFile.Is(source) ? new CodeSymbols(new ElfFile(source)) : null;
        }
        catch (ImageException)
        {
            return null;
        }
    }

    /// <summary>What is at an address of the file's own; null when no function is known there.</summary>
    public CodePlace? Find(ulong address)
    {
        int low = 0, high = _functions.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            (low, high) = _functions[middle].Value <= address ? (middle + 1, high) : (low, middle - 1);
        }

        // Aliases and labels may come between.
        for (int i = high; i >= 0 && i > high - 16; i--)
        {
            ElfSymbol function = _functions[i];
            if (address - function.Value < Math.Max(function.Size, 1))
            {
                return new CodePlace(function.Name, address - function.Value, _lines?.Find(address));
            }
        }

        // Assembly may give no sizes.
        return high >= 0 && _functions[high].Size == 0 && IsCode(_functions[high].Value) && IsCode(address)
            ? new CodePlace(_functions[high].Name, address - _functions[high].Value, _lines?.Find(address))
            : _lines?.Find(address) is { } line ? new CodePlace(null, 0, line) : null;
    }

    /// <summary>Where the frame is of a function that is at an address of the file's own; null when that is not known.</summary>
    public FrameRule? FrameAt(ulong address) => _frames?.Find(address);

    /// <summary>The file's own address of what a file offset holds; null for none.</summary>
    public ulong? AddressOf(ulong fileOffset)
    {
        foreach (ElfSegment segment in _code)
        {
            if (fileOffset - segment.FileOffset < segment.FileSize)
            {
                return segment.Address + (fileOffset - segment.FileOffset);
            }
        }

        return null;
    }

    /// <summary>Its functions, in the order of their addresses.</summary>
    public IEnumerable<(string Name, ulong Start, ulong Size)> Functions =>
        _functions.Where(symbol => symbol.IsFunction && IsCode(symbol.Value)).Select(symbol => (symbol.Name, symbol.Value, symbol.Size));

    /// <summary>The file's own addresses of the functions and labels of its code that have a name: several may.</summary>
    public IEnumerable<ulong> Named(string name) =>
        _functions.Where(symbol => symbol.Name == name && IsCode(symbol.Value)).Select(symbol => symbol.Value).Distinct();

    /// <summary>
    /// Where code of a line begins, in the order of addresses; behind the last of a run of code there is no file. Files with their
    /// directories.
    /// </summary>
    public IEnumerable<(ulong Address, string? File, int Line)> Lines => _lines is null ? []
        : _lines.Rows.Select(row => (row.Address, row.File?.FullName, row.Line));

    /// <summary>Its code from an address of its own to the end of the segment; empty where none is.</summary>
    public ReadOnlySpan<byte> CodeAt(ulong address)
    {
        foreach (ElfSegment segment in _code)
        {
            if (address - segment.Address < segment.FileSize)
            {
                byte[] content = Content(segment);
                return content.AsSpan((int)Math.Min(address - segment.Address, (ulong)content.Length));
            }
        }

        return [];
    }

    /// <summary>Where its code lies, in addresses of its own.</summary>
    public IEnumerable<(ulong Start, ulong End)> Ranges => _code.Select(segment => (segment.Address, segment.Address + segment.MemorySize));

    /// <summary>Pieces of its code, to find it by in memory: each page's, at some offsets.</summary>
    /// <param name="offsets">Offsets in a page.</param>
    /// <param name="length">How many bytes of each.</param>
    public IEnumerable<(ulong Address, ReadOnlyMemory<byte> Bytes)> Pieces(IReadOnlyList<int> offsets, int length)
    {
        const int page = LinearAddress.PageSize;
        foreach (ElfSegment segment in _code)
        {
            ReadOnlyMemory<byte> content = Content(segment);
            foreach (int offset in offsets)
            {
                for (long at = (long)((ulong)(offset + page) - segment.Address % page) % page; at + length <= content.Length; at += page)
                {
                    yield return (segment.Address + (ulong)at, content.Slice((int)at, length));
                }
            }
        }
    }

    /// <summary>The file's own address of code that lies somewhere in memory, when it stands in one place of the file.</summary>
    /// <param name="bytes">Bytes there, enough to tell.</param>
    /// <param name="pageOffset">The offset of the first of them in its page, which loading does not change.</param>
    public ulong? Find(ReadOnlySpan<byte> bytes, int pageOffset)
    {
        const int page = LinearAddress.PageSize;
        ulong? found = null;
        foreach (ElfSegment segment in _code)
        {
            byte[] content = Content(segment);
            for (long at = (long)((ulong)(pageOffset + page) - segment.Address % page) % page;
                at + bytes.Length <= content.Length; at += page)
            {
                if (!content.AsSpan((int)at, bytes.Length).SequenceEqual(bytes))
                {
                    continue;
                }

                if (found is not null)
                {
                    return null;
                }

                found = segment.Address + (ulong)at;
            }
        }

        return found;
    }

    // Empty where it cannot be read.
    private byte[] Content(ElfSegment segment)
    {
        if (!_contents.TryGetValue(segment, out byte[]? content))
        {
            try
            {
                content = _source.ReadBytes((long)segment.FileOffset, (int)segment.FileSize);
            }
            catch (ImageException)
            {
                content = [];
            }

            _contents[segment] = content;
        }

        return content;
    }

    private bool IsCode(ulong address) => Array.Exists(_code, segment => address - segment.Address < segment.MemorySize);

    private static IEnumerable<ElfSymbol> Defined(ElfFile elf, uint table) =>
        elf.Symbols(table).Where(symbol => !symbol.IsUndefined && symbol.Value != 0).Take((int)FunctionLimit);
}
