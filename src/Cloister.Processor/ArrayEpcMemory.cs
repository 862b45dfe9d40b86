using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>EPC memory in arrays, for tests and tools. A page's array is made when it is first asked for.</summary>
/// <param name="pages">How many pages.</param>
public sealed class ArrayEpcMemory(int pages) : IEpcMemory
{
    private readonly byte[]?[] memory = new byte[]?[pages];

    /// <inheritdoc/>
    public int PageCount => memory.Length;

    /// <inheritdoc/>
    public Span<byte> this[EpcPage page] => memory[page.Index] ??= new byte[LinearAddress.PageSize];
}
