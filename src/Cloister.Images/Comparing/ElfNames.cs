using System.Security.Cryptography;

namespace Cloister.Images.Comparing;

/// <summary>Sections and symbols of an ELF file that become an enclave's memory.</summary>
internal sealed class ElfNames
{
    private const ulong Allocated = 2, ThreadLocal = 0x400; // SHF_ALLOC, SHF_TLS
    private const uint NoBits = 8;
    private const int MostSymbols = 500_000, LongestHashed = 1 << 30;

    private readonly ElfFile _elf;
    private readonly (string Name, ElfSection Section)[] _sections;

    private ElfNames(ElfFile elf)
    {
        _elf = elf;
        _sections = [.. elf.Sections.Where(section => (section.Flags & Allocated) != 0).Select(section => (elf.NameOf(section), section))];
    }

    /// <summary>Of an enclave file; null when it is no ELF file.</summary>
    public static ElfNames? Of(EnclaveImage image) => ElfFile.Is(image.Source) ? new ElfNames(new ElfFile(image.Source)) : null;

    /// <summary>The section at an address of the file's own, which is the enclave's offset.</summary>
    public string? SectionAt(ulong address)
    {
        const ulong page = 4096;
        foreach ((string name, ElfSection section) in _sections)
        {
            if (section.Size > 0 && section.Address < address + page && address < section.Address + section.Size)
            {
                return name;
            }
        }

        return null;
    }

    /// <summary>Sections by name: where, how long, what in them.</summary>
    public static IReadOnlyList<NamedDifference> CompareSections(ElfNames first, ElfNames second)
    {
        var left = first._sections.DistinctBy(pair => pair.Name).ToDictionary(pair => pair.Name, pair => pair.Section);
        var right = second._sections.DistinctBy(pair => pair.Name).ToDictionary(pair => pair.Name, pair => pair.Section);
        var found = new List<NamedDifference>();
        foreach (string name in left.Keys.Union(right.Keys).Where(name => name.Length > 0))
        {
            bool hasLeft = left.TryGetValue(name, out ElfSection one), hasRight = right.TryGetValue(name, out ElfSection other);
            if (!hasLeft || !hasRight)
            {
                found.Add(new NamedDifference(name, hasLeft ? Place(one) : "none", hasRight ? Place(other) : "none"));
            }
            else if (one.Address != other.Address || one.Size != other.Size)
            {
                found.Add(new NamedDifference(name, Place(one), Place(other)));
            }
            else if (!first.Content(one).SequenceEqual(second.Content(other)))
            {
                found.Add(new NamedDifference(name, "other content", "other content"));
            }
        }

        return found;
    }

    /// <summary>Symbols by name: those of one file only, and those that are longer, shorter or of other bytes.</summary>
    public static IReadOnlyList<NamedDifference> CompareSymbols(ElfNames first, ElfNames second)
    {
        Dictionary<string, ElfSymbol> left = first.Symbols(), right = second.Symbols();
        var found = new List<NamedDifference>();
        foreach (string name in left.Keys.Union(right.Keys))
        {
            bool hasLeft = left.TryGetValue(name, out ElfSymbol one), hasRight = right.TryGetValue(name, out ElfSymbol other);
            if (!hasLeft || !hasRight)
            {
                found.Add(new NamedDifference(name, hasLeft ? $"{one.Size} bytes" : "none", hasRight ? $"{other.Size} bytes" : "none"));
            }
            else if (one.Size != other.Size)
            {
                found.Add(new NamedDifference(name, $"{one.Size} bytes", $"{other.Size} bytes"));
            }
            else if (first.Bytes(one) is { } bytes && second.Bytes(other) is { } others && bytes.AsSpan()
                .CommonPrefixLength(others) is var same && same < bytes.Length)
            {
                found.Add(new NamedDifference(name, $"byte 0x{same:x} is {bytes[same]:x2}", $"{others[same]:x2}"));
            }
        }

        return found;
    }

    private static string Place(ElfSection section) => $"0x{section.Address:x}, {section.Size} bytes";

    private byte[] Content(ElfSection section) => section.Type == NoBits || section.Size > LongestHashed ? [] : Hash(section);

    private byte[] Hash(ElfSection section)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        const int block = 1 << 20;
        for (ulong at = 0; at < section.Size; at += block)
        {
            hash.AppendData(_elf.Source.ReadBytes((long)(section.FileOffset + at), (int)Math.Min(block, section.Size - at)));
        }

        return hash.GetHashAndReset();
    }

    // What has no size cannot be compared; what names several places is not told apart.
    private Dictionary<string, ElfSymbol> Symbols()
    {
        ElfSymbol[] all = [.. _elf.Symbols(ElfFile.SectionSymbols).Take(MostSymbols)];
        all = all.Length > 0 ? all : [.. _elf.Symbols(ElfFile.SectionDynamicSymbols).Take(MostSymbols)];
        return all.Where(symbol => !symbol.IsUndefined && symbol.Size > 0 && IsInMemory(symbol.Value)).GroupBy(symbol => symbol.Name)
            .Where(group => group.Count() == 1)
            .ToDictionary(group => group.Key, group => group.First());
    }

    private bool IsInMemory(ulong address) =>
        Array.Exists(_sections, pair => (pair.Section.Flags & ThreadLocal) == 0 && address - pair.Section.Address < pair.Section.Size);

    private byte[]? Bytes(ElfSymbol symbol) =>
        symbol.Size <= int.MaxValue && _elf.FileOffsetOf(symbol.Value) is { } offset && _elf.Source.Contains(offset, symbol.Size)
        ? _elf.Source.ReadBytes((long)offset, (int)symbol.Size)
        : null;
}
