namespace Cloister.Images;

/// <summary>A part of a file.</summary>
/// <param name="Offset">Bytes from the beginning.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct FileRange(long Offset, long Length);
