using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// Enclaves of the Intel SGX SDK for Linux. intel/linux-sgx: psw/urts/parser/elfparser.cpp (which segments),
/// psw/urts/loader.cpp (which pages, in which order), common/inc/internal/metadata.h (what the signer says).
/// </summary>
internal static class IntelSdkElfReader
{
    public const string NoteSection = ".note.sgxmeta";

    private const uint DynamicTextrel = 22;
    private const uint SharedObject = 0x1002;

    private static ReadOnlySpan<byte> NoteName => "sgx_metadata\0"u8;

    public static bool Is(ElfFile elf) => elf.FindSection(NoteSection) is not null;

    /// <summary>Reads the file.</summary>
    /// <param name="elf">The file.</param>
    /// <param name="signing">What the configuration that laid it out chooses for the SIGSTRUCT, when that is known.</param>
    /// <param name="builtWith">What laid it out.</param>
    public static EnclaveImage Read(ElfFile elf, SigningParameters? signing = null, string? builtWith = null)
    {
        ByteSource source = elf.Source;
        (long offset, long length) = FindMetadata(elf);
        IReadOnlyList<SgxMetadata> versions = SgxMetadataList.Read(source, offset, length);
        string name = elf.Is64 ? "Intel SGX SDK, ELF64" : "Intel SGX SDK, ELF32";
        var symbols = ElfSymbolNames.Read(elf);
        return new EnclaveImage(source, ImageFormat.IntelSdkElf, name)
        {
            Variants = versions.Count == 0
                ? [new EnclaveVariant
                {
                    Name = "unsigned",
                    PagesMissing = "the file was never signed, and the signer decides on heap, stacks and threads: cloister sign --config FILE.xml does",
                }]
                : [.. versions.Select(metadata => ToVariant(elf, metadata, signing))],
            Details = [new("entry", $"0x{elf.Entry:x}"), new("metadata", $"{length} bytes at file offset 0x{offset:x}"),
                .. builtWith is null ? [] : new Detail[] { new(IntelSdkLayout.DetailName, builtWith) }],
            Code = ElfCode.Ranges(elf),
            Imports = symbols.Imports,
        };
    }

    // elfparser.cpp, get_meta_property: three words, the name without padding, the metadata.
    public static (long Offset, long Length) FindMetadata(ElfFile elf)
    {
        ElfSection section = elf.FindSection(NoteSection) ?? throw new ImageException($"no section {NoteSection}");
        long at = (long)Math.Min(section.FileOffset, long.MaxValue / 2);
        uint nameSize = elf.Source.Read<uint>(at);
        uint size = elf.Source.Read<uint>(at + 4);
        Span<byte> name = stackalloc byte[NoteName.Length];
        elf.Source.Read(at + 12, name);
        return nameSize == NoteName.Length && name.SequenceEqual(NoteName)
            ? (at + 12 + nameSize, size)
            : throw new ImageException($"the note in {NoteSection} is not named sgx_metadata", at);
    }

    private static EnclaveVariant ToVariant(ElfFile elf, SgxMetadata metadata, SigningParameters? signing)
    {
        SgxLayout layout = new(metadata);
        return SgxVariant.Create(metadata, layout, () => Segments(elf, metadata), signing);
    }

    private static IEnumerable<PageRun> Segments(ElfFile elf, SgxMetadata metadata)
    {
        var patched = new PatchedByteSource(elf.Source, metadata.Patches());
        IReadOnlySet<ulong>? relocated = elf.FindDynamic(DynamicTextrel) is null ? null : ElfRelocations.Pages(elf);
        foreach (PageRun run in WithPadding(SegmentRuns(elf, patched, metadata.EnclaveSize), elf, metadata))
        {
            foreach (PageRun part in relocated is null ? [run] : run.MadeWritable(relocated))
            {
                yield return part;
            }
        }

        // loader.cpp, build_sections: a second shared object that the signer put behind the file's own end.
        if (metadata.FindExtend(SharedObject) is { Length: >= 24 } entry)
        {
            ulong fileOffset = BitConverter.ToUInt64(entry.Span);
            ulong memoryOffset = BitConverter.ToUInt64(entry.Span[8..]);
            ulong size = BitConverter.ToUInt64(entry.Span[16..]);
            var inner = new ElfFile(new SlicedByteSource(patched, fileOffset, size));
            foreach (ElfSegment segment in inner.LoadSegments)
            {
                if (segment.Address > metadata.EnclaveSize || memoryOffset > metadata.EnclaveSize)
                {
                    throw new ImageException("the inner shared object lies outside the enclave", metadata.FileOffset);
                }

                yield return (segment with { Address = segment.Address + memoryOffset }).ToRun(inner.Source, metadata.EnclaveSize);
            }
        }
    }

    private static IEnumerable<(ElfSegment Segment, PageRun Run)> SegmentRuns(ElfFile elf, ByteSource source, ulong limit)
    {
        foreach (ElfSegment segment in elf.LoadSegments)
        {
            if (segment.Permissions == SecinfoFlags.None)
            {
                throw new ImageException($"the segment at 0x{segment.Address:x} has no permission");
            }

            if (Math.Max(segment.FileSize, segment.MemorySize) > 0)
            {
                yield return (segment, segment.ToRun(source, limit));
            }
        }
    }

    // loader.cpp, build_sections: the first release put one page too many behind some segments, and later ones do the same
    // for its metadata, 1.3.
    private static IEnumerable<PageRun> WithPadding(IEnumerable<(ElfSegment Segment, PageRun Run)> segments, ElfFile elf,
        SgxMetadata metadata)
    {
        bool first = metadata is { Major: 1, Minor: 3 };
        ElfSegment? last = null;
        ulong highest = 0;
        foreach ((ElfSegment segment, PageRun run) in segments)
        {
            if (first && last is { } before && Padding(before) is { } padding && padding.Offset < run.Offset)
            {
                yield return padding;
            }

            if (segment.Address > highest)
            {
                highest = segment.Address;
                last = segment;
            }

            yield return run;
        }

        if (first && last is { } final && Padding(final) is { } end)
        {
            yield return end;
        }
    }

    private static PageRun? Padding(ElfSegment segment)
    {
        ulong end = RoundUp(segment.MemorySize + segment.Address);
        return end < RoundUp(RoundUp(segment.MemorySize) + segment.Address)
            ? new PageRun("padding", end, 1, SecinfoFlags.Reg | segment.Permissions, PageContent.Zero)
            : null;
    }

    private static ulong RoundUp(ulong value) => (value + LinearAddress.PageSize - 1) & ~(ulong)(LinearAddress.PageSize - 1);
}
