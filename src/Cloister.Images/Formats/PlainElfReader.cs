using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// ELF files that are loaded segment by segment, the first one a page of TCS each. Linux 6.12,
/// tools/testing/selftests/sgx/load.c (encl_load) and sigstruct.c (which signs at run time).
/// </summary>
internal static class PlainElfReader
{
    private const ulong Page = LinearAddress.PageSize;

    public static bool Is(ElfFile elf)
    {
        ElfSegment first = elf.LoadSegments.FirstOrDefault();
        return elf is { Is64: true, Machine: ElfFile.MachineX8664 }
            && first.FileSize > 0 && (first.Flags & 7) == (ElfSegment.Read | ElfSegment.Write)
            && elf.LoadSegments.Skip(1).Any();
    }

    public static EnclaveImage Read(ElfFile elf, ReadOptions options)
    {
        List<PageRun> runs = Runs(elf);
        ulong end = runs.Max(run => run.End);
        if (options.HeapSize % Page != 0)
        {
            throw new ImageException($"a heap of 0x{options.HeapSize:x} bytes is no whole number of pages");
        }

        if (options.HeapSize > 0)
        {
            runs.Add(new PageRun("heap", runs[^1].End, options.HeapSize / Page, SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W,
                PageContent.Zero).Unmeasured());
            end = Math.Max(end, runs[^1].End);
        }

        ulong size = Page;
        while (size < end)
        {
            size <<= 1;
        }

        (Sigstruct? sigstruct, string? path) = SigstructFile.Beside(options);
        return new EnclaveImage(elf.Source, ImageFormat.PlainElf, "plain ELF64, the first segment is the TCS")
        {
            Variants =
            [
                new EnclaveVariant
                {
                    Name = "enclave",
                    Sigstruct = sigstruct,
                    SigstructOffset = sigstruct is null ? null : 0,
                    SigstructPath = path,
                    Size = size,
                    SsaFrameSize = 1,
                    Attributes = new Attributes(AttributeFlags.Mode64Bit, Attributes.XfrmLegacy),
                    Pages = runs,
                },
            ],
            Details = [new("heap", $"0x{options.HeapSize:x} bytes, which the loader chooses")],
            Code = ElfCode.Ranges(elf),
            Imports = ElfSymbolNames.Read(elf).Imports,
        };
    }

    private static List<PageRun> Runs(ElfFile elf)
    {
        var runs = new List<PageRun>();
        ulong start = 0;
        foreach (ElfSegment segment in elf.LoadSegments)
        {
            ulong from = segment.FileOffset & ~(Page - 1);
            if (!elf.Source.Contains(segment.FileOffset, segment.FileSize))
            {
                throw new ImageException("a segment reaches past the end of the file", (long)Math.Min(segment.FileOffset, long.MaxValue));
            }

            start = runs.Count == 0 ? from : start;
            if (from < start)
            {
                throw new ImageException("a segment lies before the TCS in the file", (long)from);
            }

            ulong pages = (segment.FileSize + Page - 1) / Page;

            // The pages are taken from the file as they are, beyond the segment's own bytes too; behind the end there is zero.
            var content = new SourcePageContent(elf.Source, from, Math.Min(pages * Page, (ulong)elf.Source.Length - from), 0);
            SecinfoFlags flags = runs.Count == 0 ? SecinfoFlags.Tcs : SecinfoFlags.Reg | segment.Permissions;
            if (pages > 0)
            {
                runs.Add(new PageRun(runs.Count == 0 ? "TCS" : segment.Name, from - start, pages, flags, content));
            }
        }

        return runs;
    }
}
