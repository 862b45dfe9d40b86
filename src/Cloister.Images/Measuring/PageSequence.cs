using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>A variant's pages with the rules that hold for all of them: whole pages, inside the enclave, none twice.</summary>
internal static class PageSequence
{
    // Each area costs 16 bytes to remember. A file may have as many as it has records, and no less than this.
    private const int MinimumAreas = 1 << 16;
    private const int BytesPerRecord = 64;

    // SDM 3D, CPUID.12H.0:EDX: what servers say.
    private const ulong MaximumSize = 1UL << 56;

    // A tebibyte of pages: more than any EPC holds, and hours of hashing.
    private const ulong MaximumPages = 1UL << 28;

    /// <exception cref="ImageException">A rule is broken; thrown while enumerating.</exception>
    public static IEnumerable<PageRun> Checked(EnclaveVariant variant, long fileLength)
    {
        if (variant.Pages is null)
        {
            throw new ImageException(variant.PagesMissing ?? "the file does not hold the enclave's pages");
        }

        if (variant.Size < LinearAddress.PageSize || (variant.Size & (variant.Size - 1)) != 0)
        {
            // SDM 3D, ECREATE: SECS.SIZE is a power of two and no less than a page.
            throw new ImageException($"the enclave's size 0x{variant.Size:x} is no power of two of 4096 bytes or more");
        }

        if (variant.Size > MaximumSize)
        {
            throw new ImageException($"the enclave's size 0x{variant.Size:x} is more than any enclave has");
        }

        return Check(variant.Pages, variant.Size, MinimumAreas + (fileLength / BytesPerRecord));
    }

    private static IEnumerable<PageRun> Check(IEnumerable<PageRun> pages, ulong size, long maximumAreas)
    {
        var areas = new List<(ulong Start, ulong End)>();
        ulong count = 0;
        foreach (PageRun run in pages)
        {
            if (run.Offset % LinearAddress.PageSize != 0)
            {
                throw new ImageException($"{run.Name} at 0x{run.Offset:x} does not begin with a page");
            }

            if (run.Offset >= size || run.Count > (size - run.Offset) / LinearAddress.PageSize)
            {
                throw new ImageException($"{run.Name}: {run.Count} pages at 0x{run.Offset:x} leave an enclave of 0x{size:x} bytes");
            }

            count += run.Count;
            if (count > MaximumPages)
            {
                throw new ImageException($"the enclave has more than {MaximumPages} pages");
            }

            Add(areas, run);
            if (areas.Count > maximumAreas)
            {
                throw new ImageException($"the enclave consists of more than {maximumAreas} separate areas");
            }

            yield return run;
        }
    }

    private static void Add(List<(ulong Start, ulong End)> areas, PageRun run)
    {
        // The first area that ends behind the run's beginning.
        int low = 0;
        int high = areas.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = areas[middle].End <= run.Offset ? (middle + 1, high) : (low, middle);
        }

        if (low < areas.Count && areas[low].Start < run.End)
        {
            throw new ImageException($"{run.Name} at 0x{run.Offset:x} overlaps pages that were added before");
        }

        bool joinsBefore = low > 0 && areas[low - 1].End == run.Offset;
        bool joinsAfter = low < areas.Count && areas[low].Start == run.End;
        switch (joinsBefore, joinsAfter)
        {
            case (true, true):
                areas[low - 1] = (areas[low - 1].Start, areas[low].End);
                areas.RemoveAt(low);
                break;
            case (true, false):
                areas[low - 1] = (areas[low - 1].Start, run.End);
                break;
            case (false, true):
                areas[low] = (run.Offset, areas[low].End);
                break;
            default:
                areas.Insert(low, (run.Offset, run.End));
                break;
        }
    }
}
