using Cloister.Engine.Options;

namespace Cloister.Engine.Tests.Options;

public class InterruptPlaceTests
{
    [Theory]
    [InlineData("main", "main 1..9223372036854775807")]
    [InlineData("main+0x1f:when=3", "main+0x1f 3..3")]
    [InlineData("0x3000:when=2+", "0x3000 2..9223372036854775807")]
    [InlineData("a::b:when=2..4,c", "a::b 2..4|c 1..9223372036854775807")]
    [InlineData("operator+", "operator+ 1..9223372036854775807")]
    public void Places_are_read(string text, string expected) => Assert.Equal(expected,
        string.Join('|', InterruptPlace.Parse(text)!.Select(place => $"{place.Place} {place.First}..{place.Last}")));

    [Theory]
    [InlineData("")]
    [InlineData("main,")]
    [InlineData("+0x10")]
    [InlineData("0x")]
    [InlineData("0xg")]
    [InlineData("0x11111111111111111")]
    [InlineData("main+0x")]
    [InlineData("main:when=0")]
    [InlineData("main:when=")]
    [InlineData("main:when=3..2")]
    [InlineData("main:when=1..2..3")]
    [InlineData("main:what=1")]
    [InlineData("two words")]
    public void What_is_none_is_refused(string text) => Assert.Null(InterruptPlace.Parse(text));
}
