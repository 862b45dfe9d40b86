namespace Cloister.Processor.Tests;

/// <summary><see cref="Occasions"/>: which of those that come are meant, and how that is written.</summary>
public class OccasionsTests
{
    [Theory]
    [InlineData("1", 1, 1)]
    [InlineData("3+", 3, long.MaxValue)]
    [InlineData("2..4", 2, 4)]
    public void They_are_written_as_they_are_read(string text, long first, long last)
    {
        Assert.True(Occasions.TryRead(text, out long from, out long to));
        Assert.Equal((first, last), (from, to));
        Assert.Equal(text, Occasions.TextOf(first, last));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("+")]
    [InlineData("4..2")]
    [InlineData("1..")]
    [InlineData("1..2..3")]
    [InlineData("1..2+")]
    [InlineData("one")]
    [InlineData("99999999999999999999")]
    public void Nothing_else_is_taken(string text) => Assert.False(Occasions.TryRead(text, out _, out _));

    [Fact]
    public void Those_from_the_first_to_the_last_are_meant()
    {
        var occasions = new Occasions(2, 3);
        Assert.Equal([false, true, true, false], Enumerable.Range(0, 4).Select(_ => occasions.Occur()));
        Assert.False(occasions.AreLeft);
    }
}
