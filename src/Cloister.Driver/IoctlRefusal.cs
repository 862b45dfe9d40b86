namespace Cloister.Driver;

/// <summary>Why an ioctl refused.</summary>
/// <param name="Rule">The check.</param>
/// <param name="Found">What was there; 0 where one value does not say it.</param>
/// <param name="Expected">What it was compared with; 0 where one value does not say it.</param>
public readonly record struct IoctlRefusal(IoctlRule Rule, ulong Found, ulong Expected);
