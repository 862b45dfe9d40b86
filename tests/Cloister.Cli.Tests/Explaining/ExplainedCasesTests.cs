using Cloister.Cli.Explaining;
using Cloister.Cli.Tests.Harness;
using Cloister.Driver;
using Cloister.Driver.Ioctls.Tables;
using Cloister.Processor;

namespace Cloister.Cli.Tests.Explaining;

/// <summary>
/// Every row of the tables of leaves and ioctls, and every check, is explained; the page is made from what the command says.
/// </summary>
public class ExplainedCasesTests
{
    [Fact]
    public void Every_leaf_has_causes() =>
        Assert.All(LeafTable.Rows,
            row => Assert.Contains(LeafCases.All, known => known.Of.Equals(row.Name, StringComparison.OrdinalIgnoreCase)));

    [Fact]
    public void Every_ioctl_has_causes() =>
        Assert.All(IoctlTable.Rows, row => Assert.Contains(IoctlCases.All, known => known.Of == row.Name));

    [Fact]
    public void Every_check_of_a_leaf_has_its_words() => Assert.Equal(
        Enum.GetValues<LeafRule>().Length - 1, Enum.GetValues<LeafRule>().Select(LeafCases.Text).Where(text => text.Length > 0)
        .Distinct().Count());

    [Fact]
    public void Every_check_of_an_ioctl_has_its_words() => Assert.Equal(
        Enum.GetValues<IoctlRule>().Length - 1, Enum.GetValues<IoctlRule>().Select(IoctlCases.Text).Where(text => text.Length > 0)
        .Distinct().Count());

    [Fact]
    public void No_case_is_there_twice() => Assert.All(
        new[] { IoctlCases.All, LeafCases.All, ExceptionCases.All },
        cases => Assert.Equal(cases.Count, cases.Select(known => (known.Of, known.Outcome)).Distinct().Count()));

    [Theory]
    [InlineData("SGX_IOC_ENCLAVE_INIT", "EPERM")]
    [InlineData("SGX_IOC_ENCLAVE_INIT", "ENOMEM")]
    [InlineData("0x12345678", "ENOTTY")]
    public void An_error_that_any_ioctl_has_is_explained_for_each(string name, string errno) =>
        Assert.NotNull(IoctlCases.Causes(name, errno));

    [Fact]
    public void The_page_has_what_the_command_says()
    {
        string path = Repository.At("docs", "reference", "explain.md"), expected = ExplainedPages.Render();
        if (Environment.GetEnvironmentVariable("CLOISTER_REGENERATE") == "1")
        {
            File.WriteAllText(path, expected);
        }

        Assert.Equal(expected, File.ReadAllText(path));
    }
}
