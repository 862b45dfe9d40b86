namespace Cloister.Linux.Tests.Sgx;

public class EnclaveRangeTests
{
    [Fact]
    public void Base_is_a_multiple_of_the_size()
    {
        for (int bits = 12; bits <= 36; bits++)
        {
            using var range = EnclaveRange.Reserve(1ul << bits);
            Assert.Equal(0ul, range.Address & ((1ul << bits) - 1));
            Assert.Equal(1ul << bits, range.Length);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2048)]
    [InlineData(12288)]
    [InlineData(1ul << 47)]
    public void Size_is_a_power_of_two_that_fits(ulong size) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => EnclaveRange.Reserve(size));

    [Fact]
    public void Only_the_range_itself_is_kept()
    {
        using var range = EnclaveRange.Reserve(1 << 24);
        string[] maps = File.ReadAllLines("/proc/self/maps");
        Assert.Contains(maps, line => line.StartsWith($"{range.Address:x}-", StringComparison.Ordinal) || Covers(line, range.Address));
        range.Dispose();
        range.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => range.Unmap(0, 4096));
    }

    [Fact]
    public void Operations_stay_inside()
    {
        using var range = EnclaveRange.Reserve(1 << 16);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => range.Unmap(1 << 16, 4096));
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => range.Protect(4096, ulong.MaxValue, 0));
        Assert.Equal(Errno.None, range.Unmap(4096, 4096));
    }

    private static bool Covers(string line, ulong address)
    {
        string[] ends = line.Split(' ')[0].Split('-');
        return Convert.ToUInt64(ends[0], 16) <= address && address < Convert.ToUInt64(ends[1], 16);
    }
}
