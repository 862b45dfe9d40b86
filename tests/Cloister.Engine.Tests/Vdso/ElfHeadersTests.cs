using System.Buffers.Binary;
using System.Text;
using Cloister.Engine.Libraries;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Vdso;
using LibObjectFile.Diagnostics;
using LibObjectFile.Elf;

namespace Cloister.Engine.Tests.Vdso;

/// <summary>The headers, judged by a library for ELF files, and the versions as Go's runtime walks them.</summary>
public class ElfHeadersTests
{
    private const int DefinitionsTag = 0x6ffffffc, DefinitionCountTag = 0x6ffffffd, VersionsTag = 0x6ffffff0;
    private static readonly VdsoSymbol[] Kernels = [.. Enumerable.Range(0, 12)
        .Select(i => new VdsoSymbol($"__vdso_function_{i}", 0x7fff_0000_0000 + (ulong)i))];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(12)]
    public void A_library_finds_nothing_wrong(int functions)
    {
        VdsoImage image = VdsoImage.Build([.. Kernels.Take(functions)], fast: true);
        Assert.True(ElfFile.TryRead(new MemoryStream(image.Bytes), out ElfFile? file, out DiagnosticBag? diagnostics), Text(diagnostics));
        var verified = new DiagnosticBag();
        file!.Verify(verified);
        Assert.False(verified.HasErrors, Text(verified));
        Assert.Equal(ElfFileType.Dynamic, file.FileType);
        Assert.Equal(
            [".text", ".dynsym", ".dynstr", ".hash", ".gnu.version", ".gnu.version_d", ".eh_frame_hdr", ".eh_frame",
                ".dynamic", ".shstrtab"],
            file.Sections.Select(section => section.Name.Value ?? "").Where(name => name.Length > 0));
        ElfSymbolTable symbols = file.Sections.OfType<ElfSymbolTable>().Single();
        Assert.Equal(
            Kernels.Take(functions).Select(f => f.Name).Prepend("__vdso_sgx_enter_enclave"),
            symbols.Entries.Skip(1).Select(entry => entry.Name.Value ?? ""));
        Assert.Equal(image.Enter - Area.Vdso, symbols.Entries[1].Value);
    }

    /// <summary>Those who read the vDSO in memory take the end of the section headers for the size of the file.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Section_headers_are_the_last_and_tables_of_strings_begin_and_end_with_zero(bool vdso)
    {
        byte[] image = vdso ? VdsoImage.Build([.. Kernels], fast: true).Bytes
            : LibraryImage.Build(new ServedLibrary(["libtest.so.1"], ["first", "second"], 0, 0, "socket"));
        int first = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(40)), count = U16(image, 60);
        Assert.Equal(image.Length, first + count * U16(image, 58));
        int tables = 0;
        for (int at = first; at < image.Length; at += U16(image, 58))
        {
            int offset = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(at + 24));
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(at + 32));
            Assert.InRange(offset + length, 0, first);
            if (U32(image, at + 4) == 3) // SHT_STRTAB
            {
                tables++;
                Assert.Equal((0, 0), (image[offset], image[offset + length - 1]));
            }
        }

        Assert.Equal(2, tables);
    }

    [Fact]
    public void Every_symbol_is_of_the_kernels_version()
    {
        byte[] image = VdsoImage.Build([.. Kernels], fast: false).Bytes;
        Dictionary<ulong, int> dynamic = Dynamic(image);
        int strings = dynamic[5];

        // vdsoFindVersion: the definition that is not the file's, by hash and name; then vdsoParseSymbols compares its number.
        uint hash = ElfHeaders.Hash("LINUX_2.6");
        Assert.Equal(0x3ae75f6u, hash);
        int found = 0, definitions = 0;
        for (int at = dynamic[DefinitionsTag]; ; at += (int)U32(image, at + 16))
        {
            definitions++;
            int auxiliary = at + (int)U32(image, at + 12);
            string name = String(image, strings + (int)U32(image, auxiliary));
            Assert.Equal(ElfHeaders.Hash(name), U32(image, at + 8));
            bool ofTheFile = (U16(image, at + 2) & 1) != 0;
            Assert.Equal(ofTheFile ? "linux-vdso.so.1" : "LINUX_2.6", name);
            found = ofTheFile ? found : U16(image, at + 4);
            if (U32(image, at + 16) == 0)
            {
                break;
            }
        }

        Assert.Equal(dynamic[DefinitionCountTag], definitions);
        Assert.Equal(2, found);
        for (int i = 1; i <= Kernels.Length + 1; i++)
        {
            Assert.Equal(found, U16(image, dynamic[VersionsTag] + 2 * i));
        }
    }

    [Fact]
    public void More_functions_than_there_is_room_for_are_left_out()
    {
        VdsoSymbol[] many = [.. Enumerable.Range(0, 60).Select(i => new VdsoSymbol($"__vdso_a_function_with_a_long_name_{i}", 1))];
        Assert.Equal(ElfHeaders.MostSymbols, VdsoSymbols.Functions(VdsoImage.Build([.. many], fast: true).Bytes, Area.Vdso).Count);
    }

    private static string Text(DiagnosticBag? diagnostics) => string.Join("; ", diagnostics?.Messages ?? []);

    private static Dictionary<ulong, int> Dynamic(byte[] image)
    {
        var dynamic = new Dictionary<ulong, int>();
        int at = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(64 + 56 + 8));
        for (; BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(at)) is not 0 and var tag; at += 16)
        {
            dynamic[tag] = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(at + 8));
        }

        return dynamic;
    }

    private static string String(byte[] image, int at) => Encoding.ASCII.GetString(image, at, image.AsSpan(at).IndexOf((byte)0));

    private static ushort U16(byte[] image, int at) => BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(at));

    private static uint U32(byte[] image, int at) => BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(at));
}
