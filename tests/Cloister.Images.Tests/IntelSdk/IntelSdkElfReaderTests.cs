namespace Cloister.Images.Tests.IntelSdk;

public class IntelSdkElfReaderTests
{
    private const ushort Eadd = 1;
    private const ushort Measured = 3;

    [Fact]
    public void Segments_are_added_page_by_page_with_zero_around()
        => Assert.Equal(IntelElf.Segments(0x10000).Mrenclave, IntelElf.Measure(IntelElf.File(new MetadataBuilder(3, 3, 0x10000))));

    [Fact]
    public void The_layout_follows_the_segments()
    {
        var metadata = new MetadataBuilder(3, 3, 0x20000);
        uint template = metadata.Data(IntelElf.TcsTemplate());
        metadata.Entry(1, Eadd, 2, 0x6000, IntelElf.Rw)
            .Entry(10, 0, 1, 0x8000, 0)
            .Entry(8, Measured, 2, 0x9000, IntelElf.Rw, 0xcccccccc)
            .Entry(4, Measured, 1, 0xb000, IntelElf.Tcs, 72, template)
            .Entry(6, Measured, 1, 0xc000, IntelElf.Rw)
            .Entry(3, 8, 3, 0xd000, IntelElf.Rw);

        Oracle expected = IntelElf.Segments(0x20000)
            .Add(0x6000, IntelElf.Rw).Add(0x7000, IntelElf.Rw)
            .Page(0x9000, IntelElf.Rw, IntelElf.Filled(0xcc)).Page(0xa000, IntelElf.Rw, IntelElf.Filled(0xcc))
            .Page(0xb000, IntelElf.Tcs, IntelElf.TcsPage(0xb000))
            .Page(0xc000, IntelElf.Rw, new byte[4096]);
        Assert.Equal(expected.Mrenclave, IntelElf.Measure(IntelElf.File(metadata)));
    }

    [Fact]
    public void A_group_loads_the_entries_before_it_again()
    {
        var metadata = new MetadataBuilder(3, 3, 0x20000);
        uint template = metadata.Data(IntelElf.TcsTemplate());
        metadata.Entry(4, Measured, 1, 0x6000, IntelElf.Tcs, 72, template).Entry(6, Measured, 1, 0x7000, IntelElf.Rw).Group(2, 2, 0x3000);

        Oracle expected = IntelElf.Segments(0x20000);
        foreach (ulong at in new ulong[] { 0x6000, 0x9000, 0xc000 })
        {
            expected.Page(at, IntelElf.Tcs, IntelElf.TcsPage(at)).Page(at + 0x1000, IntelElf.Rw, new byte[4096]);
        }

        Assert.Equal(expected.Mrenclave, IntelElf.Measure(IntelElf.File(metadata)));
    }

    [Fact]
    public void Patches_change_what_is_measured()
    {
        byte[] patch = [1, 2, 3, 4, 5];
        var metadata = new MetadataBuilder(1, 4, 0x10000).Patch(IntelElf.CodeOffset + 4094, patch);
        byte[] code = (byte[])IntelElf.Code.Clone();
        patch.CopyTo(code, 4094);
        Assert.Equal(IntelElf.Segments(0x10000, code).Mrenclave, IntelElf.Measure(IntelElf.File(metadata)));
    }

    // The loader maps the pages that relocations write to writable, and the signer measures them so. The second one reaches into page 1.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Text_relocations_make_their_pages_writable(bool is32)
    {
        const ulong code = 0x3000, tag = 22;
        var elf = new ElfBuilder(is32) { Entry = 0x40 };
        byte[] bytes = IntelElf.Pattern(7, (int)code);
        elf.Load(0, 5, bytes, code);

        // R_X86_64_RELATIVE is 8, R_386_RELATIVE too; type 0 is none and counts for nothing.
        byte[] relocations = elf.Relocations((0x2000, 0), (0x1000 - (is32 ? 3UL : 7), 8));
        ulong at = elf.Append(relocations);
        elf.Section(".rel", 9, at, at, (ulong)relocations.Length);
        byte[] dynamic = elf.Words(tag, 0, is32 ? 17u : 7u, at, is32 ? 18u : 8u, (ulong)relocations.Length, 0, 0);
        elf.Segment(2, 6, elf.Append(dynamic), 0, (ulong)dynamic.Length, (ulong)dynamic.Length, 8);
        byte[] file = IntelElf.WithMetadata(elf, [.. new MetadataBuilder(3, 3, 0x10000).Build(), .. new byte[64]]);

        Oracle expected = new Oracle(0x10000, 1)
            .Page(0, IntelElf.Rx | 2, bytes[..0x1000]).Page(0x1000, IntelElf.Rx | 2, bytes[0x1000..0x2000])
            .Page(0x2000, IntelElf.Rx, bytes[0x2000..]);
        Assert.Equal(expected.Mrenclave, IntelElf.Measure(file));

        // Without DT_TEXTREL they are the segment's.
        expected = new Oracle(0x10000, 1)
            .Page(0, IntelElf.Rx, bytes[..0x1000]).Page(0x1000, IntelElf.Rx, bytes[0x1000..0x2000])
            .Page(0x2000, IntelElf.Rx, bytes[0x2000..]);
        file[file.AsSpan().IndexOf(dynamic)] = 23;
        Assert.Equal(expected.Mrenclave, IntelElf.Measure(file));
    }

    [Fact]
    public void A_32_bit_file_is_measured_alike()
    {
        var metadata = new MetadataBuilder(1, 4, 0x20000);
        uint template = metadata.Data(IntelElf.TcsTemplate());
        metadata.Entry(1, Eadd, 2, 0x6000, IntelElf.Rw).Entry(4, Measured, 1, 0xb000, IntelElf.Tcs, 72, template)
            .Entry(6, Measured, 1, 0xc000, IntelElf.Rw);
        var elf = new ElfBuilder(is32: true) { Entry = 0x40 };
        elf.Load(0, 5, IntelElf.Code, IntelElf.CodeBytes).Load(0x3e80, 6, IntelElf.Data, 0x1100);
        byte[] file =
            IntelElf.WithMetadata(elf, [.. metadata.Build(), .. new byte[64]], ("enclave_entry", 0x40), ("g_global_data_sim", 0x3f00));
        Oracle expected = IntelElf.Segments(0x20000).Add(0x6000, IntelElf.Rw).Add(0x7000, IntelElf.Rw)
            .Page(0xb000, IntelElf.Tcs, IntelElf.TcsPage(0xb000)).Page(0xc000, IntelElf.Rw, new byte[4096]);

        using EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(file));
        Assert.Equal("Intel SGX SDK, ELF32", image.FormatName);
        Assert.Equal(["g_global_data_sim"], image.Imports);
        Assert.Equal(expected.Mrenclave, EnclaveMeasurer.Measure(image, image.PreferredVariant).Text);
    }

    // loader.cpp, build_sections: its segments follow the file's own, before the layout.
    [Fact]
    public void A_shared_object_behind_the_file_is_loaded_too()
    {
        const ulong at = 0x8000, to = 0x8000;
        byte[] inner = IntelElf.Pattern(9, 0x800);
        byte[] library = new ElfBuilder().Load(0, 5, inner, 0x800).Load(0x1000, 6, inner, 0x1800).Build();
        var metadata = new MetadataBuilder(3, 3, 0x10000).SharedObject(at, to, (ulong)library.Length)
            .Entry(1, Eadd, 1, 0xc000, IntelElf.Rw);
        byte[] file = IntelElf.File(metadata);
        Assert.True(file.Length < (int)at);
        Array.Resize(ref file, (int)at + library.Length);
        library.CopyTo(file, (int)at);

        byte[] half = new byte[0x1000];
        inner.CopyTo(half, 0);
        Oracle expected = IntelElf.Segments(0x10000).Page(to, IntelElf.Rx, half)
            .Page(to + 0x1000, IntelElf.Rw, half).Page(to + 0x2000, IntelElf.Rw, new byte[0x1000]).Add(0xc000, IntelElf.Rw);
        Assert.Equal(expected.Mrenclave, IntelElf.Measure(file));

        // Metadata before 3.2 has no such entry.
        Assert.Equal(IntelElf.Segments(0x10000).Mrenclave,
            IntelElf.Measure(IntelElf.File(new MetadataBuilder(3, 1, 0x10000).SharedObject(at, to, 1))));
    }

    [Fact]
    public void An_elrange_shifts_all_offsets()
    {
        var metadata = new MetadataBuilder(13, 3, 0x10000).Elrange(0x108000, 0x100000, 0x40000).Entry(1, Eadd, 1, 0x6000, IntelElf.Rw);
        Oracle expected = IntelElf.Segments(0x40000, null, 0x8000).Add(0xe000, IntelElf.Rw);
        Assert.Equal(expected.Mrenclave, IntelElf.Measure(IntelElf.File(metadata)));
    }

    [Fact]
    public void The_first_version_has_a_page_too_many()
    {
        // 0x3e80 + 0x1100 ends in page 4, 0x3e80 + 0x2000 in page 5. loader.cpp, build_sections.
        Oracle expected = IntelElf.Segments(0x10000).Page(0x5000, IntelElf.Rw, new byte[4096]);
        Assert.Equal(expected.Mrenclave, IntelElf.Measure(IntelElf.File(new MetadataBuilder(1, 3, 0x10000))));
    }

    // Large enclaves are hashed on a thread of their own.
    [Fact]
    public void A_large_enclave_is_measured_alike()
    {
        const ulong size = 32UL << 20;
        var metadata = new MetadataBuilder(3, 3, size).Entry(8, Measured, 1500, 0x6000, IntelElf.Rw, 0xcccccccc)
            .Entry(1, Eadd, 1000, 0x1000000, IntelElf.Rw);
        Oracle expected = IntelElf.Segments(size);
        for (ulong i = 0; i < 1500; i++)
        {
            expected.Page(0x6000 + (i * 0x1000), IntelElf.Rw, IntelElf.Filled(0xcc));
        }

        for (ulong i = 0; i < 1000; i++)
        {
            expected.Add(0x1000000 + (i * 0x1000), IntelElf.Rw);
        }

        Assert.Equal(expected.Mrenclave, IntelElf.Measure(IntelElf.File(metadata)));
    }

    [Fact]
    public void A_large_enclave_that_is_cut_off_ends_in_an_error()
        => Refused(new MetadataBuilder(3, 3, 32UL << 20).Entry(8, Measured, 1500, 0x6000, IntelElf.Rw)
            .Entry(1, Eadd, 1, 0x6000, IntelElf.Rw), "overlaps");

    [Fact]
    public void The_newest_version_but_two_is_preferred()
    {
        byte[] file = IntelElf.File(
            new MetadataBuilder(2, 4, 0x10000).Entry(1, Eadd, 1, 0x6000, IntelElf.Rw),
            new MetadataBuilder(1, 4, 0x20000));
        using EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(file));
        Assert.Equal(["metadata 2.4", "metadata 1.4"], image.Variants.Select(variant => variant.Name));
        Assert.Equal("metadata 1.4", image.PreferredVariant.Name);
        Assert.Equal(IntelElf.Segments(0x10000).Add(0x6000, IntelElf.Rw).Mrenclave, IntelElf.Measure(file, "metadata 2.4"));
    }

    [Fact]
    public void An_unsigned_file_says_so()
    {
        using EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(IntelElf.File(new byte[0x3000])));
        Assert.Contains("never signed", image.PreferredVariant.PagesMissing, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0xf000UL, 2u, "leave")]
    [InlineData(0x6800UL, 1u, "middle of a page")]
    [InlineData(0x4000UL, 1u, "overlaps")]
    [InlineData(0xfffffffffffff000UL, 1u, "leave")]
    public void An_entry_in_a_wrong_place_is_refused(ulong offset, uint pages, string message)
        => Refused(new MetadataBuilder(3, 3, 0x10000).Entry(1, Eadd, pages, offset, IntelElf.Rw), message);

    [Theory]
    [InlineData(2, 1u, 0x1000UL)]
    [InlineData(1, uint.MaxValue, 0UL)]
    [InlineData(1, uint.MaxValue, 0x1000UL)]
    [InlineData(1, 2u, 0x8000000000000000UL)]
    public void A_group_without_end_is_refused(ushort entries, uint times, ulong step)
        => Refused(new MetadataBuilder(3, 3, 0x10000).Entry(1, Eadd, 1, 0x6000, IntelElf.Rw).Group(entries, times, step),
            "group|steps|leave|times");

    [Fact]
    public void Content_outside_the_metadata_is_refused()
        => Refused(new MetadataBuilder(3, 3, 0x10000).Entry(4, Measured, 1, 0x6000, IntelElf.Tcs, 72, 0xffffff00), "refers to");

    private static void Refused(MetadataBuilder metadata, string pattern)
        => Assert.Matches(pattern, Assert.Throws<ImageException>(() => IntelElf.Measure(IntelElf.File(metadata))).Message);
}
