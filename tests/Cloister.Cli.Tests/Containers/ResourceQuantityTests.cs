using Cloister.Cli.Containers;

namespace Cloister.Cli.Tests.Containers;

public class ResourceQuantityTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("400", 400)]
    [InlineData("512Ki", 512 << 10)]
    [InlineData("64Mi", 64 << 20)]
    [InlineData("1.5Gi", 3L << 29)]
    [InlineData("64M", 64_000_000)]
    [InlineData("2k", 2_000)]
    [InlineData("1500m", 2)]
    [InlineData("64e6", 64_000_000)]
    [InlineData("5E", 5_000_000_000_000_000_000)]
    [InlineData("1E3", 1000)]
    [InlineData("7Ei", 7L << 60)]
    public void Amounts_are_read(string text, long expected)
    {
        Assert.True(ResourceQuantity.TryParse(text, out long amount));
        Assert.Equal(expected, amount);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Mi")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData("64 Mi")]
    [InlineData("64mi")]
    [InlineData("64MiB")]
    [InlineData("64K")]
    [InlineData("1.2.3")]
    [InlineData(".")]
    [InlineData("8Ei")]
    [InlineData("99999999999999999999999999999999999999")]
    [InlineData("1e99")]
    [InlineData("1e")]
    public void What_is_none_is_not(string text) => Assert.False(ResourceQuantity.TryParse(text, out _));
}
