using System.Runtime.InteropServices;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>Where two enclaves part.</summary>
/// <param name="Offset">The page, in bytes from the beginning of the enclave; null when already ECREATE differs.</param>
/// <param name="What">What differs.</param>
/// <param name="First">It in the first.</param>
/// <param name="Second">It in the second.</param>
public sealed record EnclaveDifference(ulong? Offset, string What, string First, string Second);

/// <summary>Finds the first measured operation at which two enclaves part.</summary>
public static class EnclaveComparison
{
    /// <summary>The first difference, or null when both have one MRENCLAVE.</summary>
    /// <exception cref="ImageException">A file does not hold the pages, or is not whole.</exception>
    public static EnclaveDifference? Find(
        EnclaveImage firstImage,
        EnclaveVariant first,
        EnclaveImage secondImage,
        EnclaveVariant second,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(firstImage);
        ArgumentNullException.ThrowIfNull(secondImage);
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        using var left = new Walker(firstImage, first);
        using var right = new Walker(secondImage, second);
        if (first.Size != second.Size)
        {
            return new EnclaveDifference(null, "enclave size", $"0x{first.Size:x}", $"0x{second.Size:x}");
        }

        if (first.SsaFrameSize != second.SsaFrameSize)
        {
            return new EnclaveDifference(null, "SSA frame size", $"{first.SsaFrameSize} pages", $"{second.SsaFrameSize} pages");
        }

        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            bool hasLeft = left.MoveNext();
            bool hasRight = right.MoveNext();
            if (!hasLeft || !hasRight)
            {
                return hasLeft == hasRight
                    ? null
                    : new EnclaveDifference(hasLeft ? left.Offset : right.Offset, "pages", hasLeft ? left.Describe()
                        : "no more", hasRight ? right.Describe() : "no more");
            }

            if (Compare(left, right) is { } difference)
            {
                return difference;
            }
        }
    }

    private static EnclaveDifference? Compare(Walker left, Walker right)
    {
        if (left.Offset != right.Offset)
        {
            return new EnclaveDifference(Math.Min(left.Offset, right.Offset), "page offset", left.Describe(), right.Describe());
        }

        if (EnclaveMeasurer.Measured(left.Run.Flags) != EnclaveMeasurer.Measured(right.Run.Flags))
        {
            return new EnclaveDifference(left.Offset, "SECINFO", PageText.Of(left.Run.Flags), PageText.Of(right.Run.Flags));
        }

        ReadOnlySpan<byte> order = left.Run.MeasuredChunks.Span;
        if (!order.SequenceEqual(right.Run.MeasuredChunks.Span))
        {
            return new EnclaveDifference(left.Offset, "measured chunks", Chunks(left), Chunks(right));
        }

        if (order.IsEmpty)
        {
            return null;
        }

        left.ReadPage();
        right.ReadPage();
        foreach (byte chunk in order)
        {
            int start = chunk * PageRun.ChunkSize;
            int same = left.Page.AsSpan(start, PageRun.ChunkSize).CommonPrefixLength(right.Page.AsSpan(start, PageRun.ChunkSize));
            if (same < PageRun.ChunkSize)
            {
                int at = start + same;
                int count = Math.Min(16, LinearAddress.PageSize - at);
                return new EnclaveDifference(
                    left.Offset,
                    $"content from byte 0x{at:x} of the page ({left.Run.Name}, {right.Run.Name})",
                    Convert.ToHexStringLower(left.Page.AsSpan(at, count)),
                    Convert.ToHexStringLower(right.Page.AsSpan(at, count)));
            }
        }

        return null;
    }

    private static string Chunks(Walker walker)
        => walker.Run.IsMeasured ? "all" : walker.Run.IsUnmeasured ? "none"
        : string.Join(",", MemoryMarshal.ToEnumerable(walker.Run.MeasuredChunks));

    private sealed class Walker(EnclaveImage image, EnclaveVariant variant) : IDisposable
    {
        private readonly IEnumerator<PageRun> runs = PageSequence.Checked(variant, image.Source.Length).GetEnumerator();
        private ulong index;
        private bool started;

        public byte[] Page { get; } = new byte[LinearAddress.PageSize];

        public PageRun Run => runs.Current;

        public ulong Offset => Run.Offset + (index * LinearAddress.PageSize);

        public bool MoveNext()
        {
            if (started && index + 1 < Run.Count)
            {
                index++;
                return true;
            }

            (started, index) = (true, 0);
            while (runs.MoveNext())
            {
                if (Run.Count > 0)
                {
                    return true;
                }
            }

            started = false;
            return false;
        }

        public void ReadPage() => Run.Content.Read(index, Page);

        public string Describe() => $"{Run.Name} at 0x{Offset:x}, {PageText.Of(Run.Flags)}";

        public void Dispose() => runs.Dispose();
    }
}
