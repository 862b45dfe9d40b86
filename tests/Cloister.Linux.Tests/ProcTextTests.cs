using System.Text;

namespace Cloister.Linux.Tests;

public class ProcTextTests
{
    [Fact]
    public void Lines_and_words_are_taken_off()
    {
        ReadOnlySpan<byte> text = "one  two\n\nthree"u8;
        ReadOnlySpan<byte> line = ProcText.TakeLine(ref text);
        Assert.Equal("one", Text(ProcText.TakeWord(ref line)));
        Assert.Equal("two", Text(line));
        Assert.Equal("two", Text(ProcText.TakeWord(ref line)));
        Assert.True(ProcText.TakeWord(ref line).IsEmpty);
        Assert.Equal("", Text(ProcText.TakeLine(ref text)));
        Assert.Equal("three", Text(ProcText.TakeLine(ref text)));
        Assert.True(text.IsEmpty);
        Assert.True(ProcText.TakeLine(ref text).IsEmpty);
    }

    [Theory]
    [InlineData("A:", "1 kB")]
    [InlineData("BA:", "22")]
    [InlineData("C:", "")]
    [InlineData("D:", "")]
    public void A_field_is_the_rest_of_its_line(string name, string value) =>
        Assert.Equal(value, Text(ProcText.Field("xA: 0\nA:\t 1 kB \nA: 2\nBA:22\nC:\n"u8, Encoding.ASCII.GetBytes(name))));

    [Theory]
    [InlineData("0", 0ul)]
    [InlineData("12 kB", 12ul)]
    [InlineData("007", 7ul)]
    [InlineData("18446744073709551615", ulong.MaxValue)]
    [InlineData("18446744073709551616", null)]
    [InlineData("99999999999999999999", null)]
    [InlineData("max", null)]
    [InlineData("-1", null)]
    [InlineData("", null)]
    public void Numbers_are_decimal(string text, ulong? value) => Assert.Equal(value, ProcText.Number(Encoding.ASCII.GetBytes(text)));

    [Theory]
    [InlineData("0000000000001000\n", 0x1000ul)]
    [InlineData("fFg", 0xfful)]
    [InlineData("ffffffffffffffff", ulong.MaxValue)]
    [InlineData("10000000000000000", null)]
    [InlineData("x", null)]
    public void Masks_are_hexadecimal(string text, ulong? value) =>
        Assert.Equal(value, ProcText.Hexadecimal(Encoding.ASCII.GetBytes(text)));

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.ASCII.GetString(bytes);
}
