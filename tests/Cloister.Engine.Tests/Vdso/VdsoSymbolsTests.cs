using System.Globalization;
using Cloister.Engine.Vdso;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Vdso;

public class VdsoSymbolsTests
{
    [Fact]
    public void The_kernels_VDSO_has_its_functions()
    {
        string line = File.ReadLines("/proc/self/maps").Single(l => l.EndsWith("[vdso]", StringComparison.Ordinal));
        ulong[] range = [.. line.Split(' ')[0].Split('-').Select(part => ulong.Parse(part, NumberStyles.HexNumber))];
        byte[] image = new byte[range[1] - range[0]];
        using var memory = new RemoteMemory(Environment.ProcessId);
        Assert.True(memory.TryRead(range[0], image));
        List<VdsoSymbol> functions = VdsoSymbols.Functions(image, range[0]);

        // vdso(7), x86-64.
        Assert.Contains("__vdso_clock_gettime", functions.Select(f => f.Name));
        Assert.Contains("__vdso_getcpu", functions.Select(f => f.Name));
        Assert.Contains("__vdso_gettimeofday", functions.Select(f => f.Name));
        Assert.Contains("__vdso_time", functions.Select(f => f.Name));
        Assert.All(functions, f => Assert.InRange(f.Address, range[0], range[1] - 1));
    }

    [Fact]
    public void What_is_no_image_has_none()
    {
        Assert.Empty(VdsoSymbols.Functions([], 0));
        Assert.Empty(VdsoSymbols.Functions(new byte[63], 0));
        Assert.Empty(VdsoSymbols.Functions(new byte[4096], 0));
        byte[] header = VdsoImage.Build([], fast: false).Bytes[..64];
        header[56] = 0;
        Assert.Empty(VdsoSymbols.Functions(header, 0));
    }
}
