using Cloister.Cli.Running;

namespace Cloister.Cli.Tests.Running;

public class OptionWordsTests
{
    [Theory]
    [InlineData("", new string[0])]
    [InlineData("  a\tb  c ", new[] { "a", "b", "c" })]
    [InlineData("--seed 'a b' \"c d\"", new[] { "--seed", "a b", "c d" })]
    [InlineData("--seed='a b'c", new[] { "--seed=a bc" })]
    [InlineData("a\\ b '' '\\'", new[] { "a b", "", "\\" })]
    [InlineData("\"a\\\"b'\"", new[] { "a\"b'" })]
    public void Blanks_part_and_quotes_keep_together(string line, string[] expected)
    {
        Assert.Equal(expected, OptionWords.Of(line, out string? problem));
        Assert.Null(problem);
    }

    [Theory]
    [InlineData("'a")]
    [InlineData("a \"b")]
    [InlineData("a\\")]
    public void What_is_left_open_is_told(string line)
    {
        _ = OptionWords.Of(line, out string? problem);
        Assert.NotNull(problem);
    }
}
