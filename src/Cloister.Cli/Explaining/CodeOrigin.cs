using Cloister.Images.Symbols;

namespace Cloister.Cli.Explaining;

/// <summary>A file that an enclave's code is from, and where it lies.</summary>
/// <param name="Path">The file.</param>
/// <param name="Symbols">What its code is called.</param>
/// <param name="Bias">What is added to the file's own addresses.</param>
internal sealed record CodeOrigin(string Path, CodeSymbols Symbols, ulong Bias);
