using System.Text.Json;

namespace Cloister.Cli.Tests;

public class ForeignJsonTests
{
    [Theory]
    [InlineData("""{"a":"\ud800"}""")]
    [InlineData("""{"\udfff":1}""")]
    [InlineData("""[{"a":[["\ud800x"]]}]""")]
    [InlineData("""{"a":1,"b":{"c\ud800":{}}}""")]
    [InlineData("\"\\ud800\"")]
    [InlineData("{")]
    [InlineData("")]
    public void What_cannot_be_read_is_found_at_once(string text) => Assert.ThrowsAny<JsonException>(() => ForeignJson.Parse(text));

    [Fact]
    public void All_else_is_read() =>
        Assert.Equal("\ud83d\ude00", (string?)ForeignJson.Parse("""{"a":[1,null,true,{"b":"\ud83d\ude00"}]}""")!["a"]![3]!["b"]);
}
