using System.Buffers.Binary;
using Cloister.Engine.Instructions;
using Cloister.Engine.Vdso;

namespace Cloister.Engine.Tests.Instructions;

public class FunctionStartsTests
{
    private static readonly string Libc = File.ReadLines("/proc/self/maps").Select(l => l[(l.LastIndexOf(' ') + 1)..])
        .First(path => Path.GetFileName(path).StartsWith("libc.so", StringComparison.Ordinal) || Path.GetFileName(path)
            .StartsWith("libc-", StringComparison.Ordinal));

    [Fact]
    public void Libcs_functions_begin_where_its_symbols_say()
    {
        long[] starts = FunctionStarts.Read(Libc);
        byte[] file = File.ReadAllBytes(Libc);
        long[] exported = [.. VdsoSymbols.Functions(file, 0).Select(f => Offset(file, f.Address)).Distinct()];
        Assert.True(exported.Length > 1000);

        // Some written in assembly have no unwind information.
        int known = exported.Count(offset => Array.BinarySearch(starts, offset) >= 0);
        Assert.True(known >= exported.Length * 9 / 10, $"{known} of {exported.Length}");
        Assert.Equal(starts.Order(), starts);
    }

    [Fact]
    public void A_stripped_program_has_them_too()
    {
        const string shell = "/bin/sh";
        byte[] file = File.ReadAllBytes(shell);
        Assert.False(HasSymbolTable(file), "expected to be stripped");
        long[] starts = FunctionStarts.Read(shell);
        Assert.True(starts.Length > 50);
        Assert.Contains(Offset(file, BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(24))), starts);
        Assert.All(starts, start => Assert.True(IsExecutable(file, start)));
    }

    [Fact]
    public void What_is_no_program_has_none()
    {
        Assert.Empty(FunctionStarts.Read("/no/such/file"));
        Assert.Empty(FunctionStarts.Read("/dev/null"));
        Assert.Empty(FunctionStarts.Read("/proc/self/status"));
        Assert.Empty(FunctionStarts.Read(typeof(FunctionStarts).Assembly.Location));
        Assert.Empty(FunctionStarts.Read("/"));
    }

    [Theory]
    [InlineData(64)]
    [InlineData(100)]
    [InlineData(5000)]
    [InlineData(150_000)]
    public void A_file_that_ends_early_has_none_or_few(int length)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, File.ReadAllBytes(Libc)[..length]);
            Assert.Empty(FunctionStarts.Read(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    // Program headers: type, flags, offset, address, -, size in the file.
    private static IEnumerable<(uint Type, uint Flags, ulong Offset, ulong Address, ulong Size)> Segments(byte[] file)
    {
        ulong U64(int at) => BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
        for (int i = 0, at = (int)U64(32); i < file[56]; i++, at += 56)
        {
            yield return (BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at)),
                BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 4)), U64(at + 8), U64(at + 16), U64(at + 32));
        }
    }

    private static long Offset(byte[] file, ulong address) =>
        Segments(file).Where(s => s.Type == 1 && address - s.Address < s.Size).Select(s => (long)(address - s.Address + s.Offset)).Single();

    private static bool IsExecutable(byte[] file, long offset) =>
        Segments(file).Any(s => s.Type == 1 && (s.Flags & 1) != 0 && (ulong)offset - s.Offset < s.Size);

    private static bool HasSymbolTable(byte[] file)
    {
        const uint symbolTable = 2;
        int sections = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(40));
        int count = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(60));
        return Enumerable.Range(0, count)
            .Any(i => BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(sections + i * 64 + 4)) == symbolTable);
    }
}
