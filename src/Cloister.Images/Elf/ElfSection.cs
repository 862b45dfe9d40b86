namespace Cloister.Images;

// A section header. System V ABI, "Sections".
internal readonly record struct ElfSection(uint Name, uint Type, ulong Flags, ulong Address, ulong FileOffset, ulong Size, uint Link,
    ulong Alignment);
