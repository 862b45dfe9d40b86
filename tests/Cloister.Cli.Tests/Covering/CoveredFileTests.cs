using System.Diagnostics;
using Cloister.Cli.Covering;
using Cloister.Images;
using Cloister.Images.Symbols;

namespace Cloister.Cli.Tests.Covering;

/// <summary>Lines and functions of a file that gcc made, by what was executed of it.</summary>
public sealed class CoveredFileTests : IDisposable
{
    private const string Source = """
        int half(int number)
        {
            if (number > 10)
                return number / 2;
            return number;
        }

        int main(int count, char **arguments)
        {
            (void)arguments;
            return half(count);
        }
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("covered");
    private readonly ByteSource _file;
    private readonly CodeSymbols _symbols;

    public CoveredFileTests()
    {
        string source = Path.Combine(_folder.FullName, "source.c"), program = Path.Combine(_folder.FullName, "program");
        File.WriteAllText(source, Source);
        using (Process gcc = Process.Start(new ProcessStartInfo("gcc", ["-O0", "-g", "-o", program, source]))!)
        {
            gcc.WaitForExit();
            Assert.Equal(0, gcc.ExitCode);
        }

        _file = ByteSource.OpenFile(program);
        _symbols = CodeSymbols.Read(_file)!;
    }

    public void Dispose()
    {
        _file.Dispose();
        _folder.Delete(recursive: true);
    }

    private ulong Half => _symbols.Functions.Single(function => function.Name == "half").Start;

    // The page that the functions are on, as an enclave has it.
    private byte[] Page(out ulong page)
    {
        page = Half & ~0xfffUL;
        byte[] code = new byte[4096];
        ReadOnlySpan<byte> own = _symbols.CodeAt(page);
        own[..Math.Min(own.Length, code.Length)].CopyTo(code);
        return code;
    }

    [Fact]
    public void Lines_are_those_of_the_blocks_that_were_reached()
    {
        var covered = new CoveredFile(_symbols);
        byte[] code = Page(out ulong page);
        Assert.False(covered.Reach(Half)); // what no enclave has of it is another file's
        List<ulong> left = covered.Note(page, code);
        Assert.Contains(Half, left);

        // Line 3 begins within the first block of a compiler's view; as a line's begin it is a block of its own.
        ulong third = _symbols.Lines.First(row => row.Line == 3 && row.Address > Half).Address;
        Assert.True(covered.Reach(Half));
        Assert.True(covered.Reach(third));
        Assert.False(covered.Reach(third));
        Assert.False(covered.Reach(third + 1));
        Assert.Equal(left.Except([Half, third]), covered.Note(page, code));

        CoveredSource source = covered.Sources()[Path.Combine(_folder.FullName, "source.c")];
        Assert.Equal([2, 3], source.Lines.Where(line => line.Value).Select(line => line.Key));
        Assert.False(source.Lines[4]);
        Assert.Equal((true, false), (source.Functions["half"].IsReached, source.Functions["main"].IsReached));

        string text = LcovText.Of(covered.Sources());
        Assert.Contains("\nFNDA:1,half\nFNDA:0,main\nFNF:2\nFNH:1\n", text, StringComparison.Ordinal);
        Assert.Contains("\nDA:3,1\nDA:4,0\n", text, StringComparison.Ordinal);
        Assert.EndsWith($"LF:{source.Lines.Count}\nLH:2\nend_of_record\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_enclave_has_otherwise_is_not_the_files()
    {
        var covered = new CoveredFile(_symbols);
        byte[] code = Page(out ulong page);
        code[Half - page] ^= 0xff;
        Assert.DoesNotContain(Half, covered.Note(page, code));
        Assert.Empty(covered.Note(page, new byte[4096]));
        Assert.DoesNotContain("half", covered.Sources().Values.Single().Functions.Keys);
    }
}
