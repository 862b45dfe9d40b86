namespace Cloister.Images;

// Where an ELF file keeps executable bytes.
internal static class ElfCode
{
    public static IReadOnlyList<FileRange> Ranges(ElfFile elf)
        => [.. elf.LoadSegments
            .Where(segment => (segment.Flags & ElfSegment.Execute) != 0 && elf.Source.Contains(segment.FileOffset, segment.FileSize))
            .Select(segment => new FileRange((long)segment.FileOffset, (long)segment.FileSize))];
}
