using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>What the pages of a run hold when they are added.</summary>
public abstract class PageContent
{
    /// <summary>All bytes zero.</summary>
    public static PageContent Zero { get; } = new ZeroPageContent();

    /// <summary>Writes one page.</summary>
    /// <param name="index">Which page of the run, from 0.</param>
    /// <param name="page">4096 bytes; all of them are written.</param>
    /// <exception cref="ImageException">The file ends before.</exception>
    public abstract void Read(ulong index, Span<byte> page);

    private sealed class ZeroPageContent : PageContent
    {
        public override void Read(ulong index, Span<byte> page) => page.Clear();
    }
}

// The same 32-bit value all over.
internal sealed class FilledPageContent(uint filler) : PageContent
{
    public override void Read(ulong index, Span<byte> page)
        => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(page).Fill(filler);
}

// The same page again and again: the given bytes, then zero.
internal sealed class RepeatedPageContent(ReadOnlyMemory<byte> bytes) : PageContent
{
    public override void Read(ulong index, Span<byte> page)
    {
        bytes.Span.CopyTo(page);
        page[bytes.Length..].Clear();
    }
}

// Bytes of the file from some place inside the first page on; zero before and behind.
internal sealed class SourcePageContent(ByteSource source, ulong offset, ulong length, int leading) : PageContent
{
    public override void Read(ulong index, Span<byte> page)
    {
        // Where the page's first byte is, counted from the first byte of the content: negative in the first page.
        long from = checked((long)(index * LinearAddress.PageSize)) - leading;
        int skip = from < 0 ? (int)-from : 0;
        long start = Math.Max(from, 0);
        int count = (ulong)start >= length ? 0 : (int)Math.Min(length - (ulong)start, (ulong)(page.Length - skip));
        page[..skip].Clear();
        page[(skip + count)..].Clear();
        if (count > 0)
        {
            source.Read(checked((long)offset + start), page.Slice(skip, count));
        }
    }
}
