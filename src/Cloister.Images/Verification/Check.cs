namespace Cloister.Images;

/// <summary>One thing that verification looked at.</summary>
/// <param name="Name">Stable, for scripts: "signature", "q1", "content".</param>
/// <param name="Passed">Whether it holds.</param>
/// <param name="Expected">What it must be.</param>
/// <param name="Found">What it is.</param>
/// <param name="Where">The field or place.</param>
public sealed record Check(string Name, bool Passed, string Expected, string Found, string Where);
