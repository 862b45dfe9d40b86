namespace Cloister.Engine.Vdso;

/// <summary>A function of an ELF image in memory.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Address">Where it begins.</param>
internal sealed record VdsoSymbol(string Name, ulong Address);
