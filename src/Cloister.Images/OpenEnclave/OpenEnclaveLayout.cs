using System.Buffers.Binary;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// The pages of an Open Enclave file and what its loader writes into them. openenclave/openenclave, host/sgx/loadelf.c
/// (image, relocations, patches) and host/sgx/create.c (heap, stacks, control pages).
/// </summary>
internal sealed class OpenEnclaveLayout
{
    private const ulong Page = LinearAddress.PageSize;
    private const ulong MaximumTcs = 1024;

    // constants_x64.h: TCS, two state save areas, a guard page; then the thread's data.
    private const ulong ControlPages = 4;
    private const ulong ThreadDataPages = 1;
    private const uint StackFiller = 0xcccccccc;
    private const SecinfoFlags Data = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W;

    // SDM 3D, CPUID.12H: no processor takes an enclave as large as this; it keeps sums of sizes from overflowing.
    private const ulong Limit = 1UL << 48;

    private readonly ElfFile elf;
    private readonly OpenEnclaveProperties properties;
    private readonly ElfSection oeinfo;
    private readonly byte[] relocations;
    private readonly ulong imageSize;
    private readonly ulong tlsPages;

    public OpenEnclaveLayout(ElfFile elf, OpenEnclaveProperties properties, ElfSection oeinfo)
    {
        this.elf = elf;
        this.properties = properties;
        this.oeinfo = oeinfo;
        relocations = OpenEnclaveRelocations.Read(elf);
        imageSize = ImageSize();
        (tlsPages, ThreadData) = ThreadLocal();
        if (properties.TcsCount > MaximumTcs || properties.HeapPages > Limit / Page || properties.StackPages > Limit / Page / MaximumTcs
            || tlsPages > Limit / Page / MaximumTcs)
        {
            throw new ImageException(
                $"{properties.HeapPages} heap pages, {properties.TcsCount} threads of {properties.StackPages} stack pages: no enclave is so large",
                properties.FileOffset);
        }

        LoadedSize = imageSize + (ulong)relocations.Length + (properties.HeapPages * Page)
            + (properties.TcsCount * ((2 + properties.StackPages + tlsPages + ControlPages + ThreadDataPages) * Page));
        InnerSize = PowerOfTwo(LoadedSize);
        if (properties.StartAddress > Limit || properties.StartAddress % Page != 0)
        {
            throw new ImageException($"the start address 0x{properties.StartAddress:x} is no place for an enclave", properties.FileOffset);
        }

        Size = properties.IsZeroBase ? PowerOfTwo(LoadedSize + properties.StartAddress) : InnerSize;
    }

    /// <summary>SECS.SIZE.</summary>
    public ulong Size { get; }

    public ulong LoadedSize { get; }

    public string ThreadData { get; }

    private ulong InnerSize { get; }

    // .tdata: address, size, alignment; .tbss: size, alignment.
    private (ulong Address, ulong Size, ulong Alignment) Tdata { get; set; }

    private (ulong Size, ulong Alignment) Tbss { get; set; }

    public IEnumerable<PageRun> Pages()
        => properties.IsZeroBase ? Inner().Select(run => run with { Offset = run.Offset + properties.StartAddress }) : Inner();

    private IEnumerable<PageRun> Inner()
    {
        IReadOnlyList<(ulong, ReadOnlyMemory<byte>)> writes = Writes();
        foreach (ElfSegment segment in elf.LoadSegments)
        {
            if (segment.Permissions == SecinfoFlags.None)
            {
                throw new ImageException($"the segment at 0x{segment.Address:x} has no permission");
            }

            if (segment.MemorySize > 0)
            {
                PageRun run = segment.ToRun(elf.Source, imageSize);
                yield return run with { Content = new OverlaidPageContent(run.Content, run.Offset, writes) };
            }
        }

        ulong at = imageSize;
        if (relocations.Length > 0)
        {
            ulong pages = (ulong)relocations.Length / Page;
            var content = new SourcePageContent(ByteSource.FromBytes(relocations), 0, (ulong)relocations.Length, 0);
            yield return new PageRun("relocations", at, pages, SecinfoFlags.Reg | SecinfoFlags.R, content);
            at += pages * Page;
        }

        if (properties.HeapPages > 0)
        {
            yield return new PageRun("heap", at, properties.HeapPages, Data, PageContent.Zero).Unmeasured();
            at += properties.HeapPages * Page;
        }

        for (ulong i = 0; i < properties.TcsCount; i++)
        {
            at += Page;
            if (properties.StackPages > 0)
            {
                yield return new PageRun("stack", at, properties.StackPages, Data, new FilledPageContent(StackFiller));
            }

            at += (properties.StackPages + 1) * Page;
            yield return new PageRun("TCS", at, 1, SecinfoFlags.Tcs, new RepeatedPageContent(TcsPage(at)));
            yield return new PageRun("SSA", at + Page, 2, Data, PageContent.Zero);
            at += ControlPages * Page;
            if (tlsPages > 0)
            {
                yield return new PageRun("TLS", at, tlsPages, Data, PageContent.Zero);
                at += tlsPages * Page;
            }

            yield return new PageRun("thread data", at, ThreadDataPages, Data, PageContent.Zero);
            at += ThreadDataPages * Page;
        }
    }

    // create.c, _add_control_pages: addresses in the TCS count from the enclave's base, not from the image's.
    private byte[] TcsPage(ulong at)
    {
        byte[] page = new byte[72];
        ulong shift = properties.StartAddress;
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(16), shift + at + Page);
        BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(28), 2);
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(32), shift + elf.Entry);
        ulong segment = shift + at + ((tlsPages + ControlPages) * Page);
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(48), segment);
        BinaryPrimitives.WriteUInt64LittleEndian(page.AsSpan(56), segment);
        BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(64), uint.MaxValue);
        BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(68), uint.MaxValue);
        return page;
    }

    // loadelf.c, _patch_elf_image. Symbols that an older runtime does not have are not written.
    private List<(ulong Address, ReadOnlyMemory<byte> Bytes)> Writes()
    {
        var writes = new List<(ulong, ReadOnlyMemory<byte>)>();
        ulong relocationSize = (ulong)relocations.Length;
        byte[] info = new byte[OpenEnclaveProperties.ImageInfoSize];
        ulong[] values = [oeinfo.Address, OpenEnclaveProperties.Size, imageSize, relocationSize, imageSize + relocationSize, InnerSize];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(info.AsSpan(i * 8), values[i]);
        }

        writes.Add((oeinfo.Address + OpenEnclaveProperties.ImageInfoOffset, info));
        var symbols = new Dictionary<string, ulong>
        {
            ["_reloc_rva"] = imageSize,
            ["_reloc_size"] = relocationSize,
            ["_td_from_tcs_offset"] = (tlsPages + ControlPages) * Page,
        };
        if (Tdata.Size > 0)
        {
            (symbols["_tdata_rva"], symbols["_tdata_size"], symbols["_tdata_align"]) = Tdata;
        }

        if (Tbss.Size > 0)
        {
            (symbols["_tbss_size"], symbols["_tbss_align"]) = Tbss;
        }

        foreach (ElfSymbol symbol in elf.Symbols(ElfFile.SectionDynamicSymbols))
        {
            if (symbol.Name == "_enclave_rva")
            {
                symbols[symbol.Name] = symbol.Value;
            }

            // The first of a name counts.
            if (symbols.Remove(symbol.Name, out ulong value))
            {
                byte[] bytes = new byte[8];
                BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
                writes.Add((symbol.Value, bytes));
            }
        }

        // The signature is no part of what it signs.
        writes.Add((oeinfo.Address + OpenEnclaveProperties.SigstructOffset, new byte[Sigstruct.SizeInBytes]));
        return writes;
    }

    private ulong ImageSize()
    {
        ulong low = ulong.MaxValue;
        ulong high = 0;
        ulong last = 0;
        foreach (ElfSegment segment in elf.LoadSegments)
        {
            if (segment.FileSize > segment.MemorySize || segment.Address > Limit || segment.MemorySize > Limit)
            {
                throw new ImageException($"the segment at 0x{segment.Address:x} of 0x{segment.MemorySize:x} bytes is out of proportion");
            }

            if (last > (segment.Address & ~(Page - 1)))
            {
                throw new ImageException($"the segment at 0x{segment.Address:x} overlaps the one before");
            }

            low = Math.Min(low, segment.Address);
            last = segment.Address + segment.MemorySize;
            high = Math.Max(high, last);
        }

        return low == 0 && high > 0
            ? RoundUp(high, Page)
            : throw new ImageException("the image does not begin at address 0");
    }

    // loadelf.c, _read_sections and _get_tls_page_count: sizes from the sections, .tdata's alignment from the segment.
    private (ulong Pages, string Text) ThreadLocal()
    {
        if (elf.FindSection(".tdata") is { } tdata)
        {
            ElfSegment tls = elf.Segments.FirstOrDefault(segment => segment.Type == ElfFile.SegmentTls);
            Tdata = (tdata.Address, tdata.Size, tls.Type == ElfFile.SegmentTls && tls.Address == tdata.Address ? tls.Alignment
                : tdata.Alignment);
        }

        if (elf.FindSection(".tbss") is { } tbss)
        {
            Tbss = (tbss.Size, tbss.Alignment);
        }

        if (Tdata.Size > Limit || Tbss.Size > Limit || Tdata.Alignment > Limit || Tbss.Alignment > Limit)
        {
            throw new ImageException("the thread-local data is larger than any enclave");
        }

        ulong size = RoundUp(Tdata.Size, Tdata.Alignment) + RoundUp(Tbss.Size, Tbss.Alignment);
        ulong pages = RoundUp(size, Page) / Page;
        return (pages, $"{pages} pages for {Tdata.Size} bytes of .tdata and {Tbss.Size} of .tbss");
    }

    private static ulong RoundUp(ulong value, ulong multiple) => multiple <= 1 ? value
        : checked((value + multiple - 1) / multiple * multiple);

    private static ulong PowerOfTwo(ulong value)
    {
        ulong power = Page;
        while (power < value)
        {
            power <<= 1;
        }

        return power;
    }
}
