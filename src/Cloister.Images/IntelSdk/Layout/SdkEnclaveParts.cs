namespace Cloister.Images;

/// <summary>What the layout needs of the file: psw/urts/parser/elfparser.cpp.</summary>
internal sealed class SdkEnclaveParts
{
    private const string GlobalDataSymbol = "g_global_data";
    private const string EntrySymbol = "enclave_entry";

    public SdkEnclaveParts(ElfFile elf, SdkRelease? told)
    {
        if (!elf.Is64)
        {
            throw new ImageException(
                "an ELF32 enclave that was never signed: its layout is not made here, sign it once with sgx_sign and any key");
        }

        ElfSymbol symbol = elf.FindDynamicSymbol(GlobalDataSymbol)
            ?? throw new ImageException($"no symbol {GlobalDataSymbol}: the file was not linked with the SDK's trusted runtime");
        GlobalData = (long)(elf.FileOffsetOf(symbol.Value)
            ?? throw new ImageException($"{GlobalDataSymbol} at 0x{symbol.Value:x} is not in the file"));
        if (!elf.Source.Contains((ulong)GlobalData, symbol.Size) || symbol.Size < 8)
        {
            throw new ImageException($"{GlobalDataSymbol} of {symbol.Size} bytes is not in the file", GlobalData);
        }

        Release = SdkRelease.Find(elf.Source, GlobalData, symbol.Size, told);
        Entry = elf.FindDynamicSymbol(EntrySymbol)?.Value ?? elf.Entry;
        SegmentPages = [.. elf.LoadSegments.Select(segment => Pages(segment.MemorySize))];

        // calculate_sections_size: the segment with the highest address, if it is above 0.
        ElfSegment last =
            elf.LoadSegments.Aggregate(default(ElfSegment), (highest, segment) => segment.Address > highest.Address ? segment : highest);
        if (last.Address == 0 || last.MemorySize > ulong.MaxValue - last.Address)
        {
            throw new ImageException("the file has no segments that a loader could add");
        }

        End = Pages(last.Address + last.MemorySize) * SdkLayoutTable.PageSize;
        ElfSegment? tls = elf.Segments.Where(segment => segment.Type == ElfFile.SegmentTls).Cast<ElfSegment?>().LastOrDefault();
        if (tls is { } segmentOfTls)
        {
            ulong align = Math.Max(1, segmentOfTls.Alignment);
            if (!ulong.IsPow2(align) || segmentOfTls.MemorySize > End)
            {
                throw new ImageException($"a thread-local segment of 0x{segmentOfTls.MemorySize:x} bytes aligned to 0x{align:x}");
            }

            TlsSize = (segmentOfTls.MemorySize + align - 1) & ~(align - 1);
        }

        HasTls = tls is not null;
    }

    public SdkRelease Release { get; }

    /// <summary>Where the file keeps g_global_data.</summary>
    public long GlobalData { get; }

    public ulong Entry { get; }

    /// <summary>Pages of each segment in memory.</summary>
    public IReadOnlyList<ulong> SegmentPages { get; }

    /// <summary>The offset behind the last segment, a whole number of pages.</summary>
    public ulong End { get; }

    public bool HasTls { get; }

    public ulong TlsSize { get; }

    // The thread's own page, and those of its thread-local variables.
    public ulong TdPages => 1 + (HasTls ? Pages(TlsSize) : 0);

    private static ulong Pages(ulong bytes) => (bytes / SdkLayoutTable.PageSize) + (bytes % SdkLayoutTable.PageSize == 0 ? 0u : 1u);
}
