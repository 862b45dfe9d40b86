using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>The bytes of the EPC.</summary>
public interface IEpcMemory
{
    /// <summary>How many pages there are.</summary>
    int PageCount { get; }

    /// <summary>The 4096 bytes of a page. They must stay the same bytes until the caller moves the page on purpose.</summary>
    Span<byte> this[EpcPage page] { get; }

    /// <summary>Gives a page its contents: EADD and ELDU. A memory that was told of them before may have them there already.</summary>
    /// <param name="page">The page.</param>
    /// <param name="contents">4096 bytes.</param>
    void Fill(EpcPage page, ReadOnlySpan<byte> contents) => contents.CopyTo(this[page]);

    /// <summary>Makes a page all zeros: EAUG.</summary>
    void Clear(EpcPage page) => this[page].Clear();

    /// <summary>The 4096 bytes of a page, to read at once and not to keep: from wherever they are nearest.</summary>
    ReadOnlySpan<byte> Contents(EpcPage page) => this[page];
}
