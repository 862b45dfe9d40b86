using Cloister.Cli.Looking;

namespace Cloister.Cli.Tests.Looking;

/// <summary>The line by which a run is asked.</summary>
public class LookRequestTests
{
    [Theory]
    [InlineData("ps")]
    [InlineData("maps")]
    [InlineData("maps 0x7f0012345000")]
    [InlineData("maps 0xffffffffffffffff")]
    [InlineData("stats")]
    [InlineData("stats reset")]
    [InlineData("dump 12")]
    [InlineData("metrics")]
    public void What_is_asked_is_read_as_it_was_written(string line)
    {
        LookRequest? request = LookRequest.Parse(line, out string? problem);
        Assert.Null(problem);
        Assert.Equal(line, $"{request}");
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("PS")]
    [InlineData("ps ")]
    [InlineData("ps\r")]
    [InlineData("ps ps")]
    [InlineData("maps 7f00")]
    [InlineData("maps 0x")]
    [InlineData("maps 0x-1")]
    [InlineData("maps 0x1ffffffffffffffff")]
    [InlineData("maps  0x1")]
    [InlineData("stats reset reset")]
    [InlineData("dump")]
    [InlineData("dump -1")]
    [InlineData("dump 99999999999999999999")]
    [InlineData("GET / HTTP/1.1")]
    [InlineData("\0\u00ff\u001b")]
    public void What_is_none_is_refused(string line)
    {
        Assert.Null(LookRequest.Parse(line, out string? problem));
        Assert.Equal("there is no such request", problem);
    }

    [Fact]
    public void A_line_that_is_too_long_is_told()
    {
        Assert.Null(LookRequest.Parse(new string('p', LookRequest.LongestLine + 1), out string? problem));
        Assert.Equal("the request is too long", problem);
    }

    [Fact]
    public void No_line_at_random_does_harm()
    {
        var random = new Random(14);
        string[] parts = ["ps", "maps", "stats", "reset", " ", "0x", "0", "f", "-", "\t", "\0", "\u00e9", ""];
        for (int i = 0; i < 20_000; i++)
        {
            string line = string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => parts[random.Next(parts.Length)]));
            Assert.Equal(LookRequest.Parse(line, out string? problem) is null, problem is not null);
        }
    }
}
