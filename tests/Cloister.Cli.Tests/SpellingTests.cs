namespace Cloister.Cli.Tests;

public class SpellingTests
{
    private static readonly string[] s_names = ["run", "doctor", "inspect", "measure", "verify", "sign", "lab", "demo", "--epc",
        "--engine", "--json"];

    [Theory]
    [InlineData("rn", "run")]
    [InlineData("RUN", "run")]
    [InlineData("docter", "doctor")]
    [InlineData("sgin", "sign")]
    [InlineData("insp", "inspect")]
    [InlineData("--eng", "--engine")]
    [InlineData("--jsno", "--json")]
    [InlineData("x", null)]
    [InlineData("frobnicate", null)]
    [InlineData("", null)]
    public void The_nearest_name_is_meant(string written, string? name) => Assert.Equal(name, Spelling.Nearest(written, s_names));

    [Fact]
    public void However_long_it_is() => Assert.Null(Spelling.Nearest(new string('a', 100_000), s_names));
}
