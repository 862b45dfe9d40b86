using System.Buffers.Binary;
using System.Text;

namespace Cloister.Images.Tests;

/// <summary>Small files of the other formats.</summary>
internal static class OtherFiles
{
    public const ulong OeinfoAddress = 0x2100;
    public const int OeinfoSize = 1960;

    /// <summary>
    /// An Open Enclave file: code at 0, .oeinfo and two patched symbols in the data at 0x2000, one relocation, 8 bytes of .tdata.
    /// </summary>
    public static byte[] OpenEnclave(ulong heapPages = 2, ulong stackPages = 1, ulong threads = 2, ulong start = 0)
    {
        var elf = new ElfBuilder { Entry = 0x10 };
        byte[] data = OpenEnclaveData(heapPages, stackPages, threads, start);
        elf.Load(0, 5, IntelElf.Code, IntelElf.CodeBytes).Load(0x2000, 6, data, 0x1800);
        ulong dataAt = 0x2000 + 0x1000;
        byte[] relocations = Relocations();
        ulong relocationsAt = elf.Append(relocations);
        elf.Section(".oeinfo", 1, OeinfoAddress, dataAt + 0x100, OeinfoSize)
            .Section(".rela.dyn", 4, 0, relocationsAt, (ulong)relocations.Length)
            .Section(".tdata", 1, 0x2a00, dataAt + 0xa00, 8, 0, 8);
        return elf.Symbols(("_reloc_rva", 0x2000), ("_reloc_size", 0x2008), ("_tdata_size", 0x2010)).Build();
    }

    public static byte[] OpenEnclaveData(ulong heapPages, ulong stackPages, ulong threads, ulong start = 0)
    {
        byte[] data = IntelElf.Pattern(21, 0x1000);
        Span<byte> info = data.AsSpan(0x100, OeinfoSize);
        info.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(info, OeinfoSize);
        BinaryPrimitives.WriteUInt32LittleEndian(info[4..], 2);
        BinaryPrimitives.WriteUInt64LittleEndian(info[8..], heapPages);
        BinaryPrimitives.WriteUInt64LittleEndian(info[16..], stackPages);
        BinaryPrimitives.WriteUInt64LittleEndian(info[24..], threads);
        BinaryPrimitives.WriteUInt64LittleEndian(info[72..], 6);
        info[OeinfoSize - 1] = 0xec;
        if (start != 0)
        {
            // create_zero_base_enclave and start_address. openenclave/openenclave, include/openenclave/bits/sgx/sgxproperties.h.
            info[36] = 2;
            BinaryPrimitives.WriteUInt64LittleEndian(info[88..], start);
        }

        return data;
    }

    public static byte[] Relocations()
    {
        byte[] record = new byte[24];
        BinaryPrimitives.WriteUInt64LittleEndian(record, 0x2018);
        BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(8), 8);
        BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(16), 0x10);
        return record;
    }

    public static byte[] Gramine() => Encoding.UTF8.GetBytes("""
        # comment
        [loader]
        entrypoint = "file:libsysdb.so"
        list = [ "a]", 'b', [1, 2], { x = "y" } ]
        [sgx]
        debug = true
        enclave_size = "16M"
        max_threads = 2
        edmm_enable = true
        isvprodid = 0x7
        isvsvn = 1_2
        [[sgx.trusted_files]]
        uri = "file:\"x\""
        [sgx.cpu_features]
        avx = "required"
        """);

    public static byte[] Sgxs() => new Oracle(0x4000, 1).Page(0, 0x100, IntelElf.Pattern(1, 4096))
        .Page(0x1000, 0x205, IntelElf.Pattern(2, 4096)).Add(0x2000, 0x203).Stream;

    /// <summary>A bare SIGSTRUCT.</summary>
    public static byte[] Sigstruct()
    {
        Architecture.Sigstruct sigstruct = IntelElf.Signed(new string('5', 64));
        return SigstructText.Bytes(in sigstruct).ToArray();
    }

    public static byte[] PlainElf() => new ElfBuilder().Load(0x1000, 6, IntelElf.Pattern(1, 4096), 4096)
        .Load(0x2000, 5, IntelElf.Pattern(2, 6000), 6000).Build();

    /// <summary>What Gramine measures beside its manifest.</summary>
    public static byte[] Libpal() => new ElfBuilder { Entry = 0x40 }.Load(0, 5, IntelElf.Code, IntelElf.CodeBytes)
        .Load(0x3e80, 6, IntelElf.Data, 0x1100).Build();

    /// <summary>An Intel file that was never signed.</summary>
    public static byte[] Unsigned() => UnsignedElf.File(new Version(2, 26), 1768);

    /// <summary>An Intel file of 32 bits with text relocations and a shared object behind it.</summary>
    public static byte[] Intel32()
    {
        const int inner = 0x8000;
        byte[] library = new ElfBuilder(is32: true).Load(0, 5, IntelElf.Pattern(9, 0x800), 0x1800).Build();
        var metadata = new MetadataBuilder(3, 3, 0x20000).SharedObject(inner, 0x10000, (ulong)library.Length)
            .Entry(1, 1, 1, 0x6000, IntelElf.Rw);
        var elf = new ElfBuilder(is32: true) { Entry = 0x40 };
        elf.Load(0, 5, IntelElf.Code, IntelElf.CodeBytes).Load(0x3e80, 6, IntelElf.Data, 0x1100);
        byte[] relocations = elf.Relocations((0x10, 8), (0xffd, 8));
        ulong at = elf.Append(relocations);
        elf.Section(".rel", 9, at, at, (ulong)relocations.Length);
        byte[] dynamic = elf.Words(22, 0, 17, at, 18, (ulong)relocations.Length, 0, 0);
        elf.Segment(2, 6, elf.Append(dynamic), 0, (ulong)dynamic.Length, (ulong)dynamic.Length, 8);
        byte[] file = IntelElf.WithMetadata(elf, [.. metadata.Build(), .. new byte[64]], ("enclave_entry", 0x40));
        Array.Resize(ref file, inner + library.Length);
        library.CopyTo(file, inner);
        return file;
    }

    public static byte[] Intel()
    {
        var metadata = new MetadataBuilder(3, 3, 0x20000);
        uint template = metadata.Data(IntelElf.TcsTemplate());
        metadata.Entry(4, 3, 1, 0x6000, IntelElf.Tcs, 72, template).Entry(6, 3, 1, 0x7000, IntelElf.Rw).Group(2, 2, 0x3000)
            .Patch(4096, [1, 2, 3]);
        var older = new MetadataBuilder(11, 5, 0x20000).Elrange(0x8000, 0, 0x40000).Entry(1, 1, 1, 0x6000, IntelElf.Rw);
        return IntelElf.File(metadata, older);
    }
}
