using System.Buffers.Binary;
using System.Text;

namespace Cloister.Images.Tests;

/// <summary>An enclave of the Intel SDK for Windows, and what its loader makes of it, page by page.</summary>
internal static class PeEnclave
{
    private const int Text = 0x400, Rdata = 0x800, Data = 0xc00, Metadata = 0xe00, Reloc = 0x1600, End = 0x1800;
    private const uint ThreadData = 0x2100, Stack = 0x2000, Heap = 0x3000;
    private const uint Entry = 0x1010;

    /// <summary>
    /// Code at 0x1000, constants with exports and thread-local variables at 0x2000, data at 0x3000, relocations at 0x7000 for the first
    /// page.
    /// </summary>
    public static byte[] File(bool is64 = true, uint minor = 2, Architecture.Sigstruct sigstruct = default)
    {
        byte[] file = new byte[End];
        "MZ"u8.CopyTo(file);
        Put32(file, 0x3c, 0x80);
        "PE\0\0"u8.CopyTo(file.AsSpan(0x80));
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(0x86), 5);
        int optional = 0x98, directories = optional + (is64 ? 112 : 96), sections = directories + 128;
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(0x94), (ushort)(sections - optional));
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(optional), (ushort)(is64 ? 0x20b : 0x10b));
        ulong imageBase = is64 ? 0x180000000UL : 0x10000000;
        PutWord(file, optional + (is64 ? 24 : 28), imageBase, is64);
        Put32(file, optional + 60, 0x400);
        Put32(file, optional + 64, 0x11223344);
        foreach ((int index, uint address, uint size) in new[] { (0, 0x2000u, 40u), (4, 0x9999u, 7u), (5, 0x7000u, 12u),
            (9, 0x2080u, 40u) })
        {
            Put32(file, directories + (8 * index), address);
            Put32(file, directories + (8 * index) + 4, size);
        }

        Section(file.AsSpan(sections), ".text", 0x1000, Text, 0x400, 0x400, 0x60000020);
        Section(file.AsSpan(sections + 40), ".rdata", 0x2000, Rdata, 0x400, 0x400, 0x40000040);
        Section(file.AsSpan(sections + 80), ".data", 0x3000, Data, 0x200, 0x1800, 0xc0000040);
        Section(file.AsSpan(sections + 120), "sgxmeta", 0x6000, Metadata, 0x800, 0x754, 0x40000040);
        Section(file.AsSpan(sections + 160), ".reloc", 0x7000, Reloc, 0x200, 0x0c, 0x42000040);
        IntelElf.Pattern(3, 0x400).CopyTo(file, Text);
        new byte[] { 0x0f, 0x01, 0xd7 }.CopyTo(file, Text + 0x10);
        IntelElf.Pattern(4, 0x200).CopyTo(file, Data);

        // One name in the export directory; the names, functions and ordinals follow it.
        foreach ((int at, uint value) in new[] { (24, 1u), (28, 0x2040u), (32, 0x2044u), (36, 0x2048u), (0x40, Entry), (0x44, 0x204cu) })
        {
            Put32(file, Rdata + at, value);
        }

        "enclave_entry\0"u8.CopyTo(file.AsSpan(Rdata + 0x4c));
        PutWord(file, Rdata + 0x80, imageBase + ThreadData, is64);
        PutWord(file, Rdata + 0x80 + (is64 ? 8 : 4), imageBase + ThreadData + (is64 ? 0x78u : 0x48u), is64);
        Put32(file, Reloc, 0x1000);
        Put32(file, Reloc + 4, 12);
        Put32(file, Reloc + 8, 0x3004);
        Span<byte> metadata = file.AsSpan(Metadata);
        BinaryPrimitives.WriteUInt64LittleEndian(metadata, 0x86A80294635D0E4C);
        uint[] words = [minor, 1, 0x754, 2, 1, 2, 1, Stack, Heap, 0xa48, 0, is64 ? 4u : 0, 0, 0xe7];
        for (int i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(metadata[(8 + (i * 4))..], words[i]);
        }

        SigstructText.Bytes(in sigstruct).CopyTo(metadata[68..]);
        return file;
    }

    /// <summary>The pages: 0x8000 is behind the last section, and each thread takes TCS, data, gap, two frames, gap and stack.</summary>
    public static Oracle Expected(bool is64)
    {
        const ulong heap = 0x8000, first = heap + Heap + 0x10000, ssa = 0x12000, stack = ssa + 0x2000 + 0x10000, step = stack + Stack;
        byte[] file = File(is64);
        int optional = 0x98, directories = optional + (is64 ? 112 : 96);
        file.AsSpan(optional + 64, 4).Clear();
        file.AsSpan(directories + 32, 8).Clear();
        int at = Rdata + 0x100;
        foreach (ulong value in is64
            ? new ulong[] { 0, step, step, stack, ssa, ssa + 0xf48, 0x1000, 1, heap, 0x80000, 0, 0x1030, 1 | ((ulong)Heap << 32) }
            : [0xffffffff, step, step, stack, ssa, ssa + 0xf48, 0x1000, 1, heap, 0x80000, 0, 0x1018, 1, 0, Heap])
        {
            PutWord(file, at, value, is64);
            at += is64 ? 8 : 4;
        }

        Oracle oracle = new Oracle(0x80000, 1)
            .Page(0, 0x201, Page(file, 0, 0x400))
            .Page(0x1000, 0x207, Page(file, Text, 0x400))
            .Page(0x2000, 0x201, Page(file, Rdata, 0x400))
            .Page(0x3000, 0x203, Page(file, Data, 0x200)).Page(0x4000, 0x203, new byte[4096])
            .Page(0x7000, 0x201, Page(file, Reloc, 0x200));
        for (ulong page = 0; page < Heap; page += 4096)
        {
            oracle.Add(heap + page, 0x203);
        }

        for (ulong tcs = first; tcs < first + (2 * step); tcs += step)
        {
            byte[] content = new byte[4096];
            BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(16), tcs + ssa);
            BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(28), 2);
            BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(32), Entry);
            BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(48), tcs + 0x1000);
            BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(56), tcs + 0x1000);
            BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(64), 0x00000fff_00000fff);
            oracle.Page(tcs, 0x100, content).Page(tcs + 0x1000, 0x203, new byte[4096])
                .Page(tcs + ssa, 0x203, new byte[4096]).Page(tcs + ssa + 0x1000, 0x203, new byte[4096])
                .Page(tcs + stack, 0x203, IntelElf.Filled(0xcc)).Page(tcs + stack + 0x1000, 0x203, IntelElf.Filled(0xcc));
        }

        return oracle;
    }

    private static byte[] Page(byte[] file, int at, int length) => [.. file[at..(at + length)], .. new byte[4096 - length]];

    private static void Put32(byte[] file, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), value);

    private static void PutWord(byte[] file, int at, ulong value, bool is64)
    {
        if (is64)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(at), value);
        }
        else
        {
            Put32(file, at, (uint)value);
        }
    }

    private static void Section(Span<byte> header, string name, uint address, int offset, uint fileSize, uint size, uint characteristics)
    {
        Encoding.ASCII.GetBytes(name, header);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], size);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], address);
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], fileSize);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], (uint)offset);
        BinaryPrimitives.WriteUInt32LittleEndian(header[36..], characteristics);
    }
}
