namespace Cloister.House.Tests;

/// <summary>The reader of sources that the other tests stand on.</summary>
public class RepositoryTests
{
    [Fact]
    public void Comments_go_and_literals_are_set_aside()
    {
        const string source = """
            int a = 1; // unsafe
            /* unsafe
               unsafe */ string b = "un\"safe // no", c = @"x""y\", d = $"{a}";
            char e = '"'; char f = '\'';
            """;
        string code = Repository.Code(source + "\nstring g = \"\"\"raw \"unsafe\" raw\"\"\"; int end;", out List<string> literals);
        Assert.DoesNotContain("unsafe", code, StringComparison.Ordinal);
        Assert.EndsWith("int end;", code, StringComparison.Ordinal);
        Assert.Contains("un\\\"safe // no", literals);
        Assert.Contains("raw \"unsafe\" raw", literals);
    }
}
