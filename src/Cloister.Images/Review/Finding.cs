namespace Cloister.Images;

/// <summary>Something a reviewer would raise.</summary>
/// <param name="Code">Stable, for scripts: "debug", "test-key".</param>
/// <param name="Text">What and where, in a sentence without a final stop.</param>
public sealed record Finding(string Code, string Text);
