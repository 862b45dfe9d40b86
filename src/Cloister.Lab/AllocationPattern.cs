namespace Cloister.Lab;

/// <summary>Which pages of a range a program uses, and in which order.</summary>
/// <param name="Id">Its name on the command line and in JSON.</param>
/// <param name="Title">Its name in tables and charts.</param>
/// <param name="RunsCode">Whether the pages hold code that the enclave writes itself (a JIT).</param>
/// <param name="Description">What it is, in a sentence.</param>
public sealed record AllocationPattern(string Id, string Title, bool RunsCode, string Description)
{
    private const int Sparsity = 10, CodeShare = 4, CallsPerFunction = 4;

    /// <summary>The seed of <see cref="Random"/>. Any number serves: the same pages in the same order, each time and everywhere.</summary>
    public const uint DefaultSeed = 0x5eed_0001;

    /// <summary>The name of what a program did (<see cref="Of"/>).</summary>
    public const string TracedId = "trace";

    private IReadOnlyList<int>? _list;
    private uint _seed = DefaultSeed;

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

    /// <summary>What a program did: the pages that it used, in order.</summary>
    public static AllocationPattern Of(string description, IReadOnlyList<int> pages) =>
        new(TracedId, "traced", RunsCode: false, description) { _list = pages };

    /// <summary>The same with another seed; only <see cref="Random"/> has one.</summary>
    /// <param name="seed">Any number but 0, of which the generator makes nothing else.</param>
    public AllocationPattern WithSeed(uint seed)
    {
        ArgumentOutOfRangeException.ThrowIfZero(seed);
        return Id == Random.Id ? this with { _seed = seed } : this;
    }

    /// <summary>Whether its name alone says what it is, as <see cref="Find"/> knows it.</summary>
    public bool IsNamed => _list is null && _seed == DefaultSeed;

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

    private IEnumerable<int> Pages(int pages) => _list ?? Id switch
    {
        "every" => Enumerable.Range(0, pages),
        "tenth" => Enumerable.Range(0, (pages + Sparsity - 1) / Sparsity).Select(i => i * Sparsity),
        "random" => RandomPages(pages),
        _ => Enumerable.Repeat(Enumerable.Range(0, (pages + CodeShare - 1) / CodeShare), CallsPerFunction).SelectMany(once => once),
    };

    // Marsaglia, "Xorshift RNGs", 2003: the generator with 13, 17, 5.
    private IEnumerable<int> RandomPages(int pages)
    {
        uint state = _seed;
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
