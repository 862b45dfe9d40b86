using System.Buffers.Binary;
using Cloister.Architecture;

namespace Cloister.Images.Tests;

/// <summary>Enclaves in the Intel SDK's form, with the MRENCLAVE that a reader of its loader's source works out by hand.</summary>
internal static class IntelElf
{
    public const ulong Tcs = 0x100;
    public const ulong Rw = 0x203;
    public const ulong Rx = 0x205;
    public const ulong CodeBytes = 5000;

    public static byte[] Code { get; } = Pattern(11, (int)CodeBytes);

    public static byte[] Data { get; } = Pattern(12, 300);

    /// <summary>Code at 0, data in the middle of page 3, then whatever the metadata's layout says.</summary>
    public static byte[] File(params MetadataBuilder[] versions)
    {
        byte[] metadata = new byte[0x4000];
        int at = 0;
        foreach (MetadataBuilder version in versions)
        {
            byte[] bytes = version.Build();
            bytes.CopyTo(metadata, at);
            at += bytes.Length;
        }

        return File(metadata);
    }

    public static byte[] File(byte[] metadata) => File(metadata, ("enclave_entry", 0x40));

    /// <summary>With other symbols, as those that betray a simulation build.</summary>
    public static byte[] File(byte[] metadata, params (string Name, ulong Value)[] symbols)
    {
        var elf = new ElfBuilder { Entry = 0x40 };
        elf.Load(0, 5, Code, CodeBytes).Load(0x3e80, 6, Data, 0x1100);
        return WithMetadata(elf, metadata, symbols);
    }

    /// <summary>Ends a file with the metadata in its note, and symbols.</summary>
    public static byte[] WithMetadata(ElfBuilder elf, byte[] metadata, params (string Name, ulong Value)[] symbols)
    {
        byte[] note = [.. Word(13), .. Word((uint)metadata.Length), .. Word(1), .. "sgx_metadata\0"u8, .. metadata];
        elf.Section(".note.sgxmeta", 7, 0, elf.Append(note), (ulong)note.Length);
        return elf.Symbols(symbols).Build();
    }

    /// <summary>Where the file keeps the code's first byte.</summary>
    public static ulong CodeOffset { get; } = 4096;

    /// <summary>The pages of both segments, as the loader adds them.</summary>
    public static Oracle Segments(ulong size, byte[]? code = null, ulong shift = 0)
    {
        byte[] whole = new byte[0x6000];
        (code ?? Code).CopyTo(whole, 0);
        Data.CopyTo(whole, 0x3e80);
        var oracle = new Oracle(size, 1);
        foreach (ulong page in new ulong[] { 0, 0x1000 })
        {
            oracle.Page(shift + page, Rx, whole[(int)page..(int)(page + 4096)]);
        }

        foreach (ulong page in new ulong[] { 0x3000, 0x4000 })
        {
            oracle.Page(shift + page, Rw, whole[(int)page..(int)(page + 4096)]);
        }

        return oracle;
    }

    public static byte[] TcsTemplate()
    {
        byte[] tcs = new byte[72];
        BinaryPrimitives.WriteUInt64LittleEndian(tcs.AsSpan(16), 0x1000);
        BinaryPrimitives.WriteUInt32LittleEndian(tcs.AsSpan(28), 2);
        BinaryPrimitives.WriteUInt64LittleEndian(tcs.AsSpan(32), 0x40);
        BinaryPrimitives.WriteUInt64LittleEndian(tcs.AsSpan(48), 0x5000);
        BinaryPrimitives.WriteUInt64LittleEndian(tcs.AsSpan(56), 0x5000);
        return tcs;
    }

    public static byte[] TcsPage(ulong offset)
    {
        byte[] page = new byte[4096];
        TcsTemplate().CopyTo(page, 0);
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(16), 0x1000 + offset);
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(48), 0x5000 + offset);
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(56), 0x5000 + offset);
        return page;
    }

    public static byte[] Filled(byte value)
    {
        byte[] page = new byte[4096];
        Array.Fill(page, value);
        return page;
    }

    public static byte[] Pattern(int seed, int length)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public static string Measure(byte[] file, string? variant = null)
    {
        using EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(file));
        return EnclaveMeasurer.Measure(image, variant is null ? image.PreferredVariant
            : image.Variants.Single(one => one.Name == variant)).Text;
    }

    private static byte[] Word(uint value) => BitConverter.GetBytes(value);

    internal static Sigstruct Signed(string mrenclave)
        => SigstructSigner.Sign(SigstructSigner.Prepare(new SigningParameters { Isvsvn = 1 }, Convert.FromHexString(mrenclave),
            new DateOnly(2030, 1, 2)), TestKey.Value);
}
