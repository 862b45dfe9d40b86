namespace Cloister.Cli.Reporting;

/// <summary>One leaf on pages that follow each other.</summary>
/// <param name="Time">Nanoseconds since the run began, of the last of them.</param>
/// <param name="First">The first page, by its number: address / 4096.</param>
/// <param name="Count">How many pages.</param>
/// <param name="State">What they are afterwards.</param>
/// <param name="Leaf">Which leaf.</param>
internal readonly record struct PageChange(long Time, ulong First, int Count, PageState State, PageLeaf Leaf);
