using Cloister.Cli.Running;
using Cloister.Cli.Tests.Harness;
using Cloister.Driver;

namespace Cloister.Cli.Tests.Running;

public class PolicyFileTests
{
    private static readonly string One = new('1', 64), Other = new('e', 64);

    [Fact]
    public void It_names_enclaves_and_signers()
    {
        using var directory = new TemporaryDirectory();
        ExecuteDirtyPolicy? policy =
            PolicyFile.Read(directory.Write("policy", $"# who may\nmrenclave {One}\n\nmrsigner {Other}\n"), out string? problem);
        Assert.Null(problem);
        byte[] one = Convert.FromHexString(One), other = Convert.FromHexString(Other);
        Assert.True(policy!.Names(one, one));
        Assert.True(policy.Names(other, other));
        Assert.False(policy.Names(other, one));
    }

    [Fact]
    public void An_empty_file_names_nobody()
    {
        using var directory = new TemporaryDirectory();
        ExecuteDirtyPolicy? policy = PolicyFile.Read(directory.Write("policy", ""), out string? problem);
        Assert.Null(problem);
        Assert.False(policy!.Names(new byte[32], new byte[32]));
    }

    [Theory]
    [InlineData("everybody", 1)]
    [InlineData("# fine\nmrenclave 12", 2)]
    public void A_line_that_is_not_understood_is_told_by_its_number(string text, int line)
    {
        using var directory = new TemporaryDirectory();
        string file = directory.Write("policy", text);
        _ = PolicyFile.Read(file, out string? problem);
        Assert.StartsWith($"--policy {file}: line {line} ", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/no/such/file")]
    [InlineData("/")]
    [InlineData("")]
    public void A_file_that_cannot_be_read_is_told(string file)
    {
        Assert.Null(PolicyFile.Read(file, out string? problem));
        Assert.StartsWith($"--policy {file}: ", problem, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nobody", 0)]
    [InlineData("everybody", Failure.Usage)]
    public void The_command_takes_it_and_says_what_is_wrong_before_anything_runs(string text, int status)
    {
        using var directory = new TemporaryDirectory();
        string file = directory.Write("policy", text == "nobody" ? "# nobody\n" : text);
        CloisterProcess.Outcome outcome = CloisterProcess.Run(["run", "--policy", file, "--", "echo", "ran"]);
        Assert.Equal((status, status == 0 ? "ran\n" : ""), (outcome.Status, outcome.Output));
        Assert.Equal(status == 0 ? 0 : 1, outcome.Error.Count(c => c == '\n'));
    }
}
