namespace Cloister.Images.Symbols;

/// <summary>A place in code.</summary>
/// <param name="Function">The function; null when none is known.</param>
/// <param name="Offset">Bytes from its beginning.</param>
/// <param name="Line">Where in the sources: file and line; null when that is not known.</param>
public sealed record CodePlace(string? Function, ulong Offset, string? Line);
