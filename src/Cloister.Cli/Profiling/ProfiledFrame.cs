namespace Cloister.Cli.Profiling;

/// <summary>A function on a stack.</summary>
/// <param name="Function">What it is called; where that is not known, the file and where in it.</param>
/// <param name="File">The ELF file, without its folder; empty for none.</param>
/// <param name="Source">Where it stands: file and line; null where that is not known.</param>
internal sealed record ProfiledFrame(string Function, string File, string? Source);
