namespace Cloister.Cli.Tests;

public class SizeTextTests
{
    [Theory]
    [InlineData("4096", 4096)]
    [InlineData("512K", 512 << 10)]
    [InlineData("128m", 128 << 20)]
    [InlineData("2G", 2L << 30)]
    [InlineData("1T", 1L << 40)]
    [InlineData("64p", 1L << 56)]
    [InlineData("512KiB", 512 << 10)]
    [InlineData("128MiB", 128 << 20)]
    [InlineData("2gib", 2L << 30)]
    [InlineData("0", 0)]
    public void Sizes_are_read(string text, long expected)
    {
        Assert.True(SizeText.TryParse(text, out long bytes));
        Assert.Equal(expected, bytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("M")]
    [InlineData("-1")]
    [InlineData("1.5G")]
    [InlineData("1 M")]
    [InlineData("1MB")]
    [InlineData("iB")]
    [InlineData("1iB")]
    [InlineData("MiB")]
    [InlineData("1 MiB")]
    [InlineData("9223372036854775808")]
    [InlineData("9007199254740992K")]
    public void What_is_no_size_is_refused(string text) => Assert.False(SizeText.TryParse(text, out _));

    [Theory]
    [InlineData(100, "100")]
    [InlineData(4096, "4K")]
    [InlineData(128 << 20, "128M")]
    [InlineData((1L << 30) + (1L << 29), "1.5G")]
    public void Sizes_are_written(long bytes, string expected) => Assert.Equal(expected, SizeText.Of(bytes));
}
