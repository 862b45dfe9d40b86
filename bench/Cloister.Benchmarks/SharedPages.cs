using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Benchmarks;

/// <summary>EPC memory that holds the first pages apart, for SECS and VA pages, and has one page for all others: what is measured is the model's own.</summary>
/// <param name="pages">How many pages the EPC has.</param>
internal sealed class SharedPages(int pages) : IEpcMemory
{
    private const int Apart = 64;
    private readonly byte[] _memory = new byte[(Apart + 1) * LinearAddress.PageSize];

    /// <inheritdoc/>
    public int PageCount => pages;

    /// <inheritdoc/>
    public Span<byte> this[EpcPage page] => _memory.AsSpan(Math.Min(page.Index, Apart) * LinearAddress.PageSize, LinearAddress.PageSize);
}
