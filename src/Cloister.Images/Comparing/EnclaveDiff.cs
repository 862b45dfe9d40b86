using Cloister.Architecture;

namespace Cloister.Images.Comparing;

/// <summary>Everything by which two enclaves differ.</summary>
public sealed class EnclaveDiff
{
    private const int MostRanges = 100_000;

    /// <summary>Where the measurement parts first; null when both have one MRENCLAVE.</summary>
    public EnclaveDifference? First { get; private init; }

    /// <summary>Pages that differ, in a row of one kind taken together, by their offset.</summary>
    public required IReadOnlyList<PageDifference> Pages { get; init; }

    /// <summary>Whether there are more than were kept.</summary>
    public bool IsCut { get; private init; }

    /// <summary>Sections of ELF files that differ.</summary>
    public required IReadOnlyList<NamedDifference> Sections { get; init; }

    /// <summary>Functions and data of ELF files that differ.</summary>
    public required IReadOnlyList<NamedDifference> Symbols { get; init; }

    /// <summary>Fields of the SIGSTRUCTs that differ.</summary>
    public required IReadOnlyList<NamedDifference> Sigstruct { get; init; }

    /// <summary>Whether nothing differs, measured or not.</summary>
    public bool IsSame => First is null && Pages.Count == 0 && Sigstruct.Count == 0;

    /// <summary>Compares.</summary>
    /// <exception cref="ImageException">A file does not hold the pages, or is not whole.</exception>
    public static EnclaveDiff Of(EnclaveImage firstImage, EnclaveVariant first, EnclaveImage secondImage, EnclaveVariant second,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(firstImage);
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(secondImage);
        ArgumentNullException.ThrowIfNull(second);
        EnclaveDifference? parting = EnclaveComparison.Find(firstImage, first, secondImage, second, cancellation);
        List<PageDifference> pages = ComparePages(Runs(firstImage, first), Runs(secondImage, second), cancellation, out bool isCut);
        ElfNames? left = ElfNames.Of(firstImage), right = ElfNames.Of(secondImage);
        return new EnclaveDiff
        {
            First = parting,
            Pages = [.. pages.Select(page => page with { Section = left?.SectionAt(page.Offset) ?? right?.SectionAt(page.Offset) })],
            IsCut = isCut,
            Sections = left is null || right is null ? [] : ElfNames.CompareSections(left, right),
            Symbols = left is null || right is null ? [] : ElfNames.CompareSymbols(left, right),
            Sigstruct = CompareSigstructs(first.Sigstruct, second.Sigstruct),
        };
    }

    private static PageRun[] Runs(EnclaveImage image, EnclaveVariant variant) =>
        [.. PageSequence.Checked(variant, image.Source.Length).Where(run => run.Count > 0).OrderBy(run => run.Offset)];

    private static List<PageDifference> ComparePages(PageRun[] first, PageRun[] second, CancellationToken cancellation, out bool isCut)
    {
        var found = new List<PageDifference>();
        byte[] one = new byte[LinearAddress.PageSize], other = new byte[LinearAddress.PageSize];
        isCut = false;
        (int i, int j) = (0, 0);
        for (ulong at = 0; i < first.Length || j < second.Length;)
        {
            cancellation.ThrowIfCancellationRequested();
            PageRun? left = i < first.Length ? first[i] : null, right = j < second.Length ? second[j] : null;
            at = Math.Max(at, Math.Min(left?.Offset ?? ulong.MaxValue, right?.Offset ?? ulong.MaxValue));
            bool hasLeft = left is not null && at >= left.Offset, hasRight = right is not null && at >= right.Offset;
            if (!hasLeft || !hasRight)
            {
                PageRun has = hasLeft ? left! : right!;
                ulong end = Math.Min(has.End, (hasLeft ? right : left)?.Offset ?? ulong.MaxValue);
                isCut |= !Add(found,
                    new PageDifference(at, (end - at) / LinearAddress.PageSize, hasLeft ? left!.Name : "", hasRight ? right!.Name
                        : "", hasLeft ? "only in the first" : "only in the second",
                    hasLeft ? PageText.Of(left!.Flags) : "none", hasRight ? PageText.Of(right!.Flags) : "none", IsMeasured: true));
                at = end;
            }
            else
            {
                if (Compare(left!, right!, at, one, other) is { } difference)
                {
                    isCut |= !Add(found, difference);
                }

                at += LinearAddress.PageSize;
            }

            i += left is not null && at >= left.End ? 1 : 0;
            j += right is not null && at >= right.End ? 1 : 0;
        }

        return found;
    }

    private static PageDifference? Compare(PageRun left, PageRun right, ulong at, byte[] one, byte[] other)
    {
        if (EnclaveMeasurer.Measured(left.Flags) != EnclaveMeasurer.Measured(right.Flags))
        {
            return new PageDifference(at, 1, left.Name, right.Name, "SECINFO", PageText.Of(left.Flags), PageText.Of(right.Flags),
                IsMeasured: true);
        }

        if (!left.MeasuredChunks.Span.SequenceEqual(right.MeasuredChunks.Span))
        {
            return new PageDifference(at, 1, left.Name, right.Name, "measured chunks", $"{left.MeasuredChunks.Length} of 16",
                $"{right.MeasuredChunks.Length} of 16", IsMeasured: true);
        }

        if (left.Content == right.Content && left.Content == PageContent.Zero)
        {
            return null;
        }

        left.Content.Read((at - left.Offset) / LinearAddress.PageSize, one);
        right.Content.Read((at - right.Offset) / LinearAddress.PageSize, other);
        int same = one.AsSpan().CommonPrefixLength(other);
        if (same == LinearAddress.PageSize)
        {
            return null;
        }

        int differing = 0;
        for (int i = same; i < LinearAddress.PageSize; i++)
        {
            differing += one[i] != other[i] ? 1 : 0;
        }

        int count = Math.Min(16, LinearAddress.PageSize - same);
        return new PageDifference(at, 1, left.Name, right.Name, "content", Convert.ToHexStringLower(one.AsSpan(same, count)),
            Convert.ToHexStringLower(other.AsSpan(same, count)), !left.IsUnmeasured)
        {
            Bytes = differing,
            At = at + (ulong)same,
        };
    }

    // Neighbours that differ alike are one.
    private static bool Add(List<PageDifference> found, PageDifference next)
    {
        if (found.Count > 0 && found[^1] is var last && last.What == next.What && last.FirstName == next.FirstName
            && last.SecondName == next.SecondName
            && last.IsMeasured == next.IsMeasured && last.Offset + (last.Count * LinearAddress.PageSize) == next.Offset
            && (next.What == "content" || (last.First == next.First && last.Second == next.Second)))
        {
            found[^1] = last with { Count = last.Count + next.Count, Bytes = last.Bytes + next.Bytes };
            return true;
        }

        if (found.Count < MostRanges)
        {
            found.Add(next);
            return true;
        }

        return false;
    }

    private static IReadOnlyList<NamedDifference> CompareSigstructs(Sigstruct? first, Sigstruct? second)
    {
        if (first is not { } left || second is not { } right)
        {
            return first is null && second is null ? []
                : [new NamedDifference("SIGSTRUCT", first is null ? "none" : "there", second is null ? "none" : "there")];
        }

        // Both have the same fields in the same order.
        return [.. SigstructText.Fields(in left).Zip(SigstructText.Fields(in right)).Where(pair => pair.First.Value != pair.Second.Value)
            .Select(pair => new NamedDifference(pair.First.Name, Told(pair.First), Told(pair.Second)))];
    }

    private static string Told(SigstructField field) => field.Meaning is { } meaning && field.Name != "ENCLAVEHASH" ? field.Size > 64
        ? meaning : $"{field.Value} ({meaning})" : field.Value;
}
