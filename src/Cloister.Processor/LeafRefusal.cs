namespace Cloister.Processor;

/// <summary>Why a leaf refused.</summary>
/// <param name="Rule">The check.</param>
/// <param name="Found">What was there; 0 where one value does not say it.</param>
/// <param name="Expected">What it was compared with; 0 where one value does not say it.</param>
public readonly record struct LeafRefusal(LeafRule Rule, ulong Found, ulong Expected);
