namespace Cloister.Images;

internal readonly record struct ElfSymbol(string Name, ulong Value, bool IsUndefined, bool IsWeak);
