using Cloister.Cli.Running;

namespace Cloister.Cli.Tests.Running;

public class MachineNameTests
{
    [Theory]
    [InlineData("pod", false)]
    [InlineData("a.b_c-1", false)]
    [InlineData("/shared/machine", true)]
    [InlineData("./m", true)]
    public void A_path_has_a_slash(string text, bool isPath)
    {
        Assert.Null(MachineName.Problem(text));
        Assert.Equal(isPath, new MachineName(text).IsPath);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("a b", "letters")]
    [InlineData("a\u001b", "letters")]
    [InlineData("a\0/b", "no name")]
    public void What_is_none_is_refused(string text, string reason) =>
        Assert.Contains(reason, MachineName.Problem(text), StringComparison.Ordinal);

    [Fact]
    public void Neither_may_be_longer_than_the_kernel_takes()
    {
        Assert.NotNull(MachineName.Problem(new string('x', 65)));
        Assert.NotNull(MachineName.Problem("/" + new string('x', 107)));
        Assert.Null(MachineName.Problem("/" + new string('x', 106)));
    }
}
