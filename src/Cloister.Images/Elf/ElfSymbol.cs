namespace Cloister.Images;

internal readonly record struct ElfSymbol(string Name, ulong Value, ulong Size, bool IsUndefined, bool IsWeak, bool IsFunction);
