namespace Cloister.Lab;

/// <summary>Which pages of a range a program uses, and in which order.</summary>
/// <param name="Id">Its name on the command line and in JSON.</param>
/// <param name="Title">Its name in tables and charts.</param>
/// <param name="RunsCode">Whether the pages hold code that the enclave writes itself (a JIT).</param>
/// <param name="Description">What it is, in a sentence.</param>
public sealed record AllocationPattern(string Id, string Title, bool RunsCode, string Description)
{
    private const int Sparsity = 10, CodeShare = 4, CallsPerFunction = 4;

    // Any number serves: the same pages in the same order, each time and everywhere.
    private const uint Seed = 0x5eed_0001;

    /// <summary>Every page, once, upwards.</summary>
    public static AllocationPattern Every { get; } = new("every", "all touched", false, "every page, once, upwards");

    /// <summary>One page in ten: a mapping that "mostly will go unused" (V2 16/32, 3 March 2022).</summary>
    public static AllocationPattern OneInTen { get; } = new("tenth", "one in ten", false, "one page in ten, once, upwards");

    /// <summary>As many accesses as pages, anywhere.</summary>
    public static AllocationPattern Random { get; } = new("random", "random", false,
        "as many accesses as there are pages, at random places, the same each time");

    /// <summary>
    /// A cache of emitted code, a quarter of which is used; each function is called four times. V2 16/32: "JIT compiler in our use case".
    /// </summary>
    public static AllocationPattern Jit { get; } = new("jit", "JIT", true,
        "a code cache: a page for each emitted function, a quarter of the range used, each function called four times");

    /// <summary>All of them, in the order of reports.</summary>
    public static IReadOnlyList<AllocationPattern> All { get; } = [Every, OneInTen, Random, Jit];

    /// <summary>The pattern of a name, or null.</summary>
    public static AllocationPattern? Find(string id) => All.FirstOrDefault(pattern => pattern.Id == id);

    /// <summary>The accesses in a range.</summary>
    /// <param name="pages">Pages of the range.</param>
    public IReadOnlyList<PageUse> Uses(int pages)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pages);
        var seen = new HashSet<int>();
        return [.. Pages(pages).Select(page => new PageUse(page, First: seen.Add(page)))];
    }

    private IEnumerable<int> Pages(int pages) => Id switch
    {
        "every" => Enumerable.Range(0, pages),
        "tenth" => Enumerable.Range(0, (pages + Sparsity - 1) / Sparsity).Select(i => i * Sparsity),
        "random" => RandomPages(pages),
        _ => Enumerable.Repeat(Enumerable.Range(0, (pages + CodeShare - 1) / CodeShare), CallsPerFunction).SelectMany(once => once),
    };

    // Marsaglia, "Xorshift RNGs", 2003: the generator with 13, 17, 5.
    private static IEnumerable<int> RandomPages(int pages)
    {
        uint state = Seed;
        for (int i = 0; i < pages; i++)
        {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            yield return (int)(state % (uint)pages);
        }
    }
}

/// <summary>One use of a page.</summary>
/// <param name="Page">Its number in the range.</param>
/// <param name="First">Whether no use of it came before.</param>
public readonly record struct PageUse(int Page, bool First);
