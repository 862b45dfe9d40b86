using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Benchmarks;

/// <summary>Page tables in which the page at offset n of the enclave is EPC page n + 1.</summary>
/// <param name="origin">Where the enclave begins.</param>
internal sealed class MappedPages(LinearAddress origin) : ILinearMemory
{
    /// <inheritdoc/>
    public PageWalk Walk(LinearAddress address, AccessKind access) => PageWalk.Epc(new EpcPage(1 + (int)((address - origin) / LinearAddress.PageSize)));

    /// <inheritdoc/>
    public bool Read(LinearAddress address, Span<byte> destination) => false;

    /// <inheritdoc/>
    public bool Write(LinearAddress address, ReadOnlySpan<byte> source) => false;
}
