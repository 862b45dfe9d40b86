using Cloister.Images.Symbols;

namespace Cloister.Cli.Explaining;

/// <summary>The code of a file.</summary>
/// <param name="Symbols">What it is called.</param>
/// <param name="Pieces">The file's own addresses of pieces of it; null for what stands in several places.</param>
internal sealed record FileCode(CodeSymbols Symbols, IReadOnlyDictionary<string, ulong?> Pieces);
