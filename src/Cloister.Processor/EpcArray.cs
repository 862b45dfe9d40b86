namespace Cloister.Processor;

/// <summary>
/// One value for each EPC page. Its memory is taken as pages are used, 2048 at a time: a large EPC costs neither the start of the machine
/// nor the garbage collector anything. A reference to a value stays good.
/// </summary>
/// <typeparam name="T">The value; it begins as its default.</typeparam>
/// <param name="length">How many pages the EPC has.</param>
public sealed class EpcArray<T>(int length)
    where T : struct
{
    private const int BlockShift = 11, BlockMask = (1 << BlockShift) - 1;

    private readonly T[]?[] blocks = new T[(length + BlockMask) >> BlockShift][];

    /// <summary>How many pages the EPC has.</summary>
    public int Length => length;

    /// <summary>The value of a page.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The EPC has no such page.</exception>
    public ref T this[int page]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)page, (uint)length, nameof(page));
            T[] block = blocks[page >> BlockShift] ??= new T[BlockMask + 1];
            return ref block[page & BlockMask];
        }
    }

    /// <summary>Makes every value its default.</summary>
    public void Clear()
    {
        foreach (T[]? block in blocks)
        {
            Array.Clear(block ?? []);
        }
    }
}
