using System.Buffers.Binary;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// The relocation records that an Open Enclave carries with it, whole pages of them. openenclave/openenclave, host/sgx/elf.c,
/// elf64_load_relocations, and host/sgx/loadelf.c, _merge_and_pad_relocations.
/// </summary>
internal static class OpenEnclaveRelocations
{
    private const int RecordSize = 24;
    private const uint ThreadOffset64 = 18;
    private const int SymbolSize = 24;

    public static byte[] Read(ElfFile elf)
    {
        ElfSection? dynamic = elf.FindSection(".rela.dyn");
        ElfSection? plt = elf.FindSection(".rela.plt");
        if (dynamic is not { Size: > 0 } first)
        {
            return [];
        }

        ulong size = Length(elf, first) + (plt is { } second ? Length(elf, second) : 0);
        byte[] records = new byte[checked((int)((size + LinearAddress.PageSize - 1) / LinearAddress.PageSize * LinearAddress.PageSize))];
        elf.Source.Read((long)first.FileOffset, records.AsSpan(0, (int)first.Size));
        if (plt is { } behind)
        {
            elf.Source.Read((long)behind.FileOffset, records.AsSpan((int)first.Size, (int)behind.Size));
        }

        FixThreadOffsets(elf, records.AsSpan(0, (int)(size / RecordSize * RecordSize)));
        return records;
    }

    // The runtime has no symbol table: the loader puts a thread-local symbol's offset into the record.
    private static void FixThreadOffsets(ElfFile elf, Span<byte> records)
    {
        ElfSection? table = elf.Sections.Cast<ElfSection?>()
            .FirstOrDefault(section => section!.Value.Type == ElfFile.SectionDynamicSymbols);
        for (int at = 0; at < records.Length; at += RecordSize)
        {
            ulong info = BinaryPrimitives.ReadUInt64LittleEndian(records[(at + 8)..]);
            if ((uint)info != ThreadOffset64)
            {
                continue;
            }

            ulong index = info >> 32;
            if (table is not { } symbols || index >= symbols.Size / SymbolSize)
            {
                throw new ImageException($"a relocation refers to the symbol {index}, which is not there");
            }

            ulong value = elf.Source.Read<ulong>(checked((long)(symbols.FileOffset + (index * SymbolSize) + 8)));
            BinaryPrimitives.WriteUInt64LittleEndian(records[(at + 16)..], value);
        }
    }

    private static ulong Length(ElfFile elf, ElfSection section)
        => elf.Source.Contains(section.FileOffset, section.Size) ? section.Size
        : throw new ImageException("the relocations reach past the end of the file");
}
