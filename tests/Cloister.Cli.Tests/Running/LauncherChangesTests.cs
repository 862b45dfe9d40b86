using System.Text;
using Cloister.Cli.Running;
using Cloister.Linux;

namespace Cloister.Cli.Tests.Running;

public sealed class LauncherChangesTests
{
    [Fact]
    public void Nothing_told_is_nothing_changed()
    {
        LauncherChanges changes = LauncherChanges.Of([.. Bytes("A=b", "DOTNET_EnableDiagnostics=0")]);
        Assert.Equal(["A=b", "DOTNET_EnableDiagnostics=0"], changes.Environment.Select(Encoding.UTF8.GetString));
        Assert.Empty(changes.Limits);
    }

    [Fact]
    public void Limits_are_the_kernels_numbers_and_what_was_added_is_taken_away()
    {
        LauncherChanges changes =
            LauncherChanges.Of([.. Bytes("A=b", "CLOISTER_LIMITS= 7:20:unlimited 1:0:512 diagnostics", "DOTNET_EnableDiagnostics=0")]);
        Assert.Equal(["A=b"], changes.Environment.Select(Encoding.UTF8.GetString));
        Assert.Equal([new ResourceLimit(7, 20, ulong.MaxValue), new ResourceLimit(1, 0, 512)], changes.Limits);
    }

    [Theory]
    [InlineData("")]
    [InlineData("7")]
    [InlineData("7:many:5")]
    [InlineData(":::: diagnostic")]
    public void What_is_no_limit_is_none(string text)
    {
        LauncherChanges changes = LauncherChanges.Of([.. Bytes("CLOISTER_LIMITS=" + text, "DOTNET_EnableDiagnostics=1")]);
        Assert.Empty(changes.Limits);
        Assert.Equal(["DOTNET_EnableDiagnostics=1"], changes.Environment.Select(Encoding.UTF8.GetString));
    }

    private static IEnumerable<byte[]> Bytes(params string[] variables) => variables.Select(Encoding.UTF8.GetBytes);
}
