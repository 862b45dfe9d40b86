namespace Cloister.Engine.Options;

/// <summary>Bytes that stand in files which programs load, and what stands there in the programs' own memory instead.</summary>
/// <param name="Original">The bytes.</param>
/// <param name="Replacement">What stands there instead: as many bytes.</param>
/// <param name="Text">What was done, for the line that says so behind the file's name.</param>
public sealed record ReplacedBytes(ReadOnlyMemory<byte> Original, ReadOnlyMemory<byte> Replacement, string Text);
