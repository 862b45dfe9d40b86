using Cloister.Architecture;

namespace Cloister.Images;

// The pages that relocations write to. intel/linux-sgx, psw/urts/parser/elfparser.cpp, get_reloc_bitmap.
internal static class ElfRelocations
{
    private const ulong JumpRelocations = 23;
    private const ulong JumpRelocationsSize = 2;

    public static IReadOnlySet<ulong> Pages(ElfFile elf)
    {
        var pages = new HashSet<ulong>();
        Add(elf, elf.Is64 ? 7UL : 17UL, elf.Is64 ? 8UL : 18UL, pages);
        Add(elf, JumpRelocations, JumpRelocationsSize, pages);
        return pages;
    }

    private static void Add(ElfFile elf, ulong addressTag, ulong sizeTag, HashSet<ulong> pages)
    {
        if (elf.FindDynamic(addressTag) is not { } address || elf.FindDynamic(sizeTag) is not { } size || size == 0)
        {
            return;
        }

        // The loader finds the table by the section that begins at its address.
        ElfSection? section = elf.Sections.Cast<ElfSection?>().FirstOrDefault(found => found!.Value.Address == address);
        if (section is not { } table || !elf.Source.Contains(table.FileOffset, size))
        {
            throw new ImageException($"the relocations at 0x{address:x} are not in the file");
        }

        int word = elf.Is64 ? 8 : 4;
        int entry = elf.Is64 ? 24 : 8;
        for (ulong at = 0; at + (ulong)entry <= size; at += (ulong)entry)
        {
            long place = (long)(table.FileOffset + at);
            ulong offset = elf.Is64 ? elf.Source.Read<ulong>(place) : elf.Source.Read<uint>(place);
            uint type = elf.Is64 ? elf.Source.Read<uint>(place + 8) : elf.Source.Read<uint>(place + 4) & 0xff;
            if (type == 0)
            {
                continue;
            }

            ulong page = offset / LinearAddress.PageSize;
            pages.Add(page);
            if (offset % LinearAddress.PageSize > (ulong)(LinearAddress.PageSize - word))
            {
                pages.Add(page + 1);
            }
        }
    }
}
