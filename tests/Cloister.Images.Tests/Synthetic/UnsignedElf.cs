using System.Buffers.Binary;

namespace Cloister.Images.Tests;

/// <summary>
/// Enclaves of the Intel SDK as its linker leaves them: an empty note for the metadata, and g_global_data as large as its release has it.
/// </summary>
internal static class UnsignedElf
{
    private const ulong GlobalData = 0x3040;
    private const ulong EntryPoint = 0x123;

    /// <summary>An enclave of a release.</summary>
    /// <param name="sdk">major, minor and correction; of before 2.9.1 the file does not tell.</param>
    /// <param name="globalData">sizeof(global_data_t) in bytes.</param>
    /// <param name="metadata">Bytes of room for the metadata.</param>
    /// <param name="tls">Bytes of thread-local variables, 0 for no segment of them.</param>
    public static byte[] File(Version sdk, int globalData, int metadata = 0x6000, ulong tls = 0x1234)
    {
        byte[] data = IntelElf.Pattern(21, 0xa00);
        bool tells = sdk >= new Version(2, 9, 1);
        ulong version = ((ulong)sdk.Major << 32) | ((ulong)sdk.Minor << 16) | (uint)(100 + Math.Max(0, sdk.Build));
        BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan((int)GlobalData & 0xfff), tells ? version : 1);
        var elf = new ElfBuilder { Entry = EntryPoint };
        elf.Load(0, 5, IntelElf.Code, IntelElf.CodeBytes).Load(0x3000, 6, data, 0x5100);
        if (tls != 0)
        {
            elf.Segment(7, 4, 0x5000, 0x3000, 0x10, tls, 64);
        }

        byte[] note = [.. BitConverter.GetBytes(13), .. BitConverter.GetBytes(metadata), .. BitConverter.GetBytes(1), .. "sgx_metadata\0"u8,
            .. new byte[metadata]];
        elf.Section(".note.sgxmeta", 7, 0, elf.Append(note), (ulong)note.Length);
        elf.Symbols(("enclave_entry", EntryPoint, 16), ("g_global_data", GlobalData, (ulong)globalData));

        // DT_STRTAB and DT_SYMTAB.
        byte[] dynamic = elf.Words(5, elf.SymbolsAt.Strings, 6, elf.SymbolsAt.Table, 0, 0);
        elf.Segment(2, 6, elf.Append(dynamic), 0, (ulong)dynamic.Length, (ulong)dynamic.Length, 8);
        return elf.Build();
    }
}
