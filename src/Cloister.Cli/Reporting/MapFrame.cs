namespace Cloister.Cli.Reporting;

/// <summary>One step through the life of an enclave's pages.</summary>
/// <param name="Began">When its first change was, in nanoseconds since the run began.</param>
/// <param name="Ended">When its last change was.</param>
/// <param name="What">What changed.</param>
/// <param name="Leaves">Pages by leaf.</param>
/// <param name="Counts">Pages by state that are as many no more as before, by the place of the state in the list.</param>
/// <param name="Cells">Cells that look otherwise: first, how many, state.</param>
internal sealed record MapFrame(long Began, long Ended, string What, IReadOnlyList<(PageLeaf Leaf, int Pages)> Leaves,
    IReadOnlyList<(int State, int Pages)> Counts, IReadOnlyList<(int First, int Count, int State, bool IsMixed)> Cells);
