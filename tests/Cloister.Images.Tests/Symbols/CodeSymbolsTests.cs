using System.Diagnostics;
using Cloister.Images.Symbols;

namespace Cloister.Images.Tests.Symbols;

/// <summary>Functions and lines of a file that gcc made.</summary>
public sealed class CodeSymbolsTests : IDisposable
{
    private const string Source = """
        int twice(int number);
        int twice(int number)
        {
            return number * 2;
        }

        int main(int count, char **arguments)
        {
            (void)arguments;
            return twice(count);
        }
        """;

    private readonly string _directory = Directory.CreateTempSubdirectory("symbols").FullName;

    public static TheoryData<string, bool> Ways => new()
    { { "-g -gdwarf-5", true }, { "-g -gdwarf-4", true }, { "-g -gdwarf-3 -gstrict-dwarf", true }, { "-gz=none", false } };

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_function_is_found_with_its_line(string options, bool hasLines)
    {
        using ByteSource file = Compile(options);
        CodeSymbols symbols = CodeSymbols.Read(file)!;
        ulong address = AddressOf("twice");
        Assert.Equal("twice", symbols.Find(address)!.Function);
        Assert.Equal([address], symbols.Named("twice"));
        Assert.Empty(symbols.Named("thrice"));
        CodePlace inside = symbols.Find(address + 4)!;
        Assert.Equal(("twice", 4UL), (inside.Function, inside.Offset));
        Assert.Equal(hasLines, inside.Line is not null);
        if (hasLines)
        {
            Assert.Matches(@"source\.c:[345]$", inside.Line);
        }
    }

    [Fact]
    public void Code_in_memory_is_found_by_its_bytes()
    {
        using ByteSource file = Compile("-g");
        CodeSymbols symbols = CodeSymbols.Read(file)!;
        ulong address = AddressOf("main");
        byte[] code = file.ReadBytes((long)address, 24); // the linker's code is at the same offset of the file
        Assert.Equal(address, symbols.Find(code, (int)(address % 4096)));
        Assert.Null(symbols.Find(code, (int)((address + 1) % 4096)));
    }

    [Fact]
    public void Its_code_comes_in_pieces_with_their_addresses()
    {
        using ByteSource file = Compile("-g");
        CodeSymbols symbols = CodeSymbols.Read(file)!;
        ulong address = AddressOf("main");
        (ulong start, ulong end) = Assert.Single(symbols.Ranges);
        Assert.True(start <= address && address < end);
        (ulong Address, ReadOnlyMemory<byte> Bytes)[] pieces = [.. symbols.Pieces([0, (int)(address % 4096)], 16)];
        Assert.All(pieces, piece => Assert.Equal(file.ReadBytes((long)piece.Address, 16), piece.Bytes.ToArray()));
        Assert.Contains(address, pieces.Select(piece => piece.Address));
        Assert.NotNull(symbols.Dynamic);
    }

    [Fact]
    public void A_function_has_its_frame_where_the_compiler_put_it()
    {
        using ByteSource file = Compile("-g -fno-omit-frame-pointer");
        CodeSymbols symbols = CodeSymbols.Read(file)!;
        ulong address = AddressOf("twice");

        // push rbp; mov rbp, rsp, behind an endbr64 where the compiler makes one.
        FrameRule before = symbols.FrameAt(address)!.Value, after = symbols.FrameAt(address + 8)!.Value;
        Assert.Equal(new FrameRule(IsFromRbp: false, 8, null), before);
        Assert.Equal(new FrameRule(IsFromRbp: true, 16, -16), after);
        Assert.Null(symbols.FrameAt(1));
    }

    [Theory]
    [InlineData("")]
    [InlineData("not an ELF file at all, but long enough to be one, if it were one")]
    public void What_is_no_ELF_file_has_none(string content) =>
        Assert.Null(CodeSymbols.Read(ByteSource.FromBytes(System.Text.Encoding.ASCII.GetBytes(content))));

    [Fact]
    public void A_damaged_table_of_lines_is_no_end()
    {
        using ByteSource file = Compile("-g");
        byte[] bytes = file.ReadBytes(0, (int)file.Length);
        (int start, int size) = SectionOf(".debug_line");
        var random = new Random(1);
        for (int i = 0; i < 200; i++)
        {
            byte[] damaged = (byte[])bytes.Clone();
            for (int j = 0; j < 8; j++)
            {
                damaged[start + random.Next(size)] = (byte)random.Next(256);
            }

            _ = CodeSymbols.Read(ByteSource.FromBytes(damaged))!.Find(AddressOf("twice"));
        }
    }

    [Theory]
    [InlineData(".debug_line", "-gdwarf-5")]
    [InlineData(".debug_line", "-gdwarf-4")]
    [InlineData(".eh_frame", "-gdwarf-5")]
    public void No_byte_of_a_table_is_the_end(string section, string options)
    {
        // Ranges of 0, lengths that lead back, counts beyond what there is.
        using ByteSource file = Compile("-g " + options);
        byte[] bytes = file.ReadBytes(0, (int)file.Length);
        (int start, int size) = SectionOf(section);
        ulong address = AddressOf("twice");
        for (int at = start; at < start + size; at++)
        {
            byte before = bytes[at];
            foreach (byte value in new byte[] { 0, 1, 0x7f, 0x80, 0xff })
            {
                bytes[at] = value;
                CodeSymbols symbols = CodeSymbols.Read(ByteSource.FromBytes(bytes))!;
                _ = symbols.Find(address);
                _ = symbols.FrameAt(address);
            }

            bytes[at] = before;
        }
    }

    [Fact]
    public void A_length_that_leads_back_is_no_circle()
    {
        // An extended opcode that ends where it begins, minus six behind its length: DWARF 5, 6.2.5.3.
        using ByteSource file = Compile("-g -gdwarf-4");
        byte[] bytes = file.ReadBytes(0, (int)file.Length);
        (int start, int size) = SectionOf(".debug_line");
        int code = start + 10 + BitConverter.ToInt32(bytes, start + 6);
        Assert.InRange(code, start, start + size - 7);
        new byte[] { 0, 0xfa, 0xff, 0xff, 0xff, 0x0f, 0x7f }.CopyTo(bytes, code);
        Assert.NotNull(CodeSymbols.Read(ByteSource.FromBytes(bytes)));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private ulong AddressOf(string name) =>
        Convert.ToUInt64(Tool("nm").Split('\n').Single(line => line.EndsWith($" T {name}", StringComparison.Ordinal)).Split(' ')[0], 16);

    private (int Start, int Size) SectionOf(string name)
    {
        string[] words = Tool("readelf", "-SW").Split('\n').Single(line => line.Contains($" {name} ", StringComparison.Ordinal))
            .Split(']')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return (Convert.ToInt32(words[3], 16), Convert.ToInt32(words[4], 16));
    }

    private string Tool(string name, params string[] options)
    {
        using var tool =
            Process.Start(new ProcessStartInfo(name, [.. options, Path.Combine(_directory, "program")]) { RedirectStandardOutput = true })!;
        return tool.StandardOutput.ReadToEnd();
    }

    private ByteSource Compile(string options)
    {
        string source = Path.Combine(_directory, "source.c"), output = Path.Combine(_directory, "program");
        File.WriteAllText(source, Source);
        using var gcc = Process.Start("gcc", $"{options} -O0 -o {output} {source}");
        gcc.WaitForExit();
        Assert.Equal(0, gcc.ExitCode);
        return ByteSource.OpenFile(output);
    }
}
