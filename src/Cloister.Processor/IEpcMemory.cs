using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>The bytes of the EPC.</summary>
public interface IEpcMemory
{
    /// <summary>How many pages there are.</summary>
    int PageCount { get; }

    /// <summary>The 4096 bytes of a page. They must stay the same bytes until the caller moves the page on purpose.</summary>
    Span<byte> this[EpcPage page] { get; }
}
