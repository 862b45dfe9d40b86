namespace Cloister.Images.Symbols;

/// <summary>
/// The rows of .debug_line. DWARF 5, "Line Number Information"; also versions 2 to 4. Sections that are compressed, or in other files, are
/// not read.
/// </summary>
internal sealed class LineTable
{
    private const ulong CompressedFlag = 0x800;
    private const int LongestSection = 64 << 20;
    private readonly List<(ulong Address, SourceFile? File, int Line)> _rows;

    private LineTable(List<(ulong Address, SourceFile? File, int Line)> rows) => _rows = rows;

    /// <summary>Reads the table; null when there is none.</summary>
    public static LineTable? Read(ElfFile elf)
    {
        if (Section(elf, ".debug_line") is not { Length: > 0 } lines)
        {
            return null;
        }

        var rows = new List<(ulong Address, SourceFile? File, int Line)>();
        byte[] lineStrings = Section(elf, ".debug_line_str"), strings = Section(elf, ".debug_str");
        try
        {
            for (int at = 0; at + 4 < lines.Length;)
            {
                at = LineProgram.Run(lines, at, lineStrings, strings, rows);
            }
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or IndexOutOfRangeException or OverflowException)
        {
            // A damaged table: what stands before is right.
        }

        // A sequence's end comes before what begins at the same address.
        var sorted = rows.Select((row, index) => (row, index)).ToList();
        sorted.Sort((one, other) => one.row.Address != other.row.Address ? one.row.Address.CompareTo(other.row.Address)
            : (one.row.File is null) != (other.row.File is null) ? (one.row.File is null ? -1 : 1) : one.index.CompareTo(other.index));
        return new LineTable([.. sorted.Select(pair => pair.row)]);
    }

    /// <summary>Where code of a line begins, in the order of addresses; where none is known any more, the file is null.</summary>
    public IReadOnlyList<(ulong Address, SourceFile? File, int Line)> Rows => _rows;

    /// <summary>File and line of an address; null when none is known.</summary>
    public string? Find(ulong address)
    {
        int low = 0, high = _rows.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            (low, high) = _rows[middle].Address <= address ? (middle + 1, high) : (low, middle - 1);
        }

        return high >= 0 && _rows[high] is { File: { } file, Line: > 0 and var line } ? $"{file.Name}:{line}" : null;
    }

    private static byte[] Section(ElfFile elf, string name)
    {
        try
        {
            return elf.FindSection(name) is { } section && (section.Flags & CompressedFlag) == 0 && section.Size <= LongestSection
                ? elf.Source.ReadBytes((long)section.FileOffset, (int)section.Size)
                : [];
        }
        catch (ImageException)
        {
            return [];
        }
    }
}
