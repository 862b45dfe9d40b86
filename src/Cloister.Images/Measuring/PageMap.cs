using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>An enclave's pages, neighbours of one kind taken together.</summary>
public sealed class PageMap
{
    private PageMap(IReadOnlyList<PageRun> runs, ulong pages, ulong measuredPages, IReadOnlyList<ulong> tcs, bool isCut)
    {
        Runs = runs;
        Pages = pages;
        MeasuredPages = measuredPages;
        Tcs = tcs;
        IsCut = isCut;
    }

    /// <summary>In the order in which they are added.</summary>
    public IReadOnlyList<PageRun> Runs { get; }

    /// <summary>Pages added, in all.</summary>
    public ulong Pages { get; }

    /// <summary>Pages of which every chunk is measured.</summary>
    public ulong MeasuredPages { get; }

    /// <summary>Offsets of the pages that are a TCS.</summary>
    public IReadOnlyList<ulong> Tcs { get; }

    /// <summary>Whether there are more runs than were kept.</summary>
    public bool IsCut { get; }

    /// <summary>Reads the map.</summary>
    /// <param name="image">The file.</param>
    /// <param name="variant">Which enclave of it.</param>
    /// <param name="maximumRuns">How many runs, and how many TCS, to keep.</param>
    /// <exception cref="ImageException">The file does not hold the pages, or is not whole.</exception>
    public static PageMap Read(EnclaveImage image, EnclaveVariant variant, int maximumRuns = 65536)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(variant);
        var runs = new List<PageRun>();
        var tcs = new List<ulong>();
        ulong pages = 0;
        ulong measured = 0;
        bool cut = false;
        foreach (PageRun run in PageSequence.Checked(variant, image.Source.Length))
        {
            pages += run.Count;
            measured += run.IsMeasured ? run.Count : 0;
            for (ulong i = 0; run.PageType == PageType.Tcs && i < run.Count && tcs.Count < maximumRuns; i++)
            {
                tcs.Add(run.Offset + (i * LinearAddress.PageSize));
            }

            if (runs.Count > 0 && Joins(runs[^1], run))
            {
                runs[^1] = runs[^1] with { Count = runs[^1].Count + run.Count };
            }
            else if (runs.Count < maximumRuns)
            {
                runs.Add(run);
            }
            else
            {
                cut = true;
            }
        }

        return new PageMap(runs, pages, measured, tcs, cut);
    }

    private static bool Joins(PageRun first, PageRun second)
        => first.End == second.Offset && first.Flags == second.Flags && first.Name == second.Name
            && first.MeasuredChunks.Span.SequenceEqual(second.MeasuredChunks.Span);
}
