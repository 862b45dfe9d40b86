using System.Text.RegularExpressions;
using Cloister.Driver.Ioctls.Tables;
using Cloister.Engine.SystemCalls;
using Cloister.Processor;

namespace Cloister.House.Tests;

/// <summary>Every row of the tables has a file of its own and tests of its own, and docs/reference/support.md shows it.</summary>
public class TableTests
{
    private const string Begin = "<!-- ioctls: generated from IoctlTable.cs -->\n", End = "<!-- end of ioctls -->\n";

    [Fact]
    public void Every_leaf_has_a_file_of_its_name() => Assert.All(LeafTable.Rows, row =>
        Assert.True(File.Exists(Repository.At("src", "Cloister.Processor", Folder(row.Class), row.Class.Name + ".cs")),
            row.Class.FullName));

    [Fact]
    public void Every_leaf_has_a_file_of_tests() => Assert.All(LeafTable.Rows, row =>
        AssertTested(row.Class, "Cloister.Processor.Tests"));

    [Fact]
    public void Every_ioctl_has_a_file_of_its_name() => Assert.All(IoctlTable.Rows, row =>
        Assert.True(File.Exists(Repository.At("src", "Cloister.Driver", Folder(row.Class), row.Class.Name + ".cs")), row.Class.FullName));

    [Fact]
    public void Every_ioctl_has_a_file_of_tests() => Assert.All(IoctlTable.Rows, row =>
        AssertTested(row.Class, "Cloister.Driver.Tests"));

    [Fact]
    public void Every_row_says_where_its_rules_come_from()
    {
        Assert.All(LeafTable.Rows, row => Assert.NotEmpty(row.Citation));
        Assert.All(IoctlTable.Rows, row => Assert.NotEmpty(row.Citation));
    }

    [Fact]
    public void The_page_of_what_is_supported_shows_the_table_of_ioctls()
    {
        string file = Repository.At("docs", "reference", "support.md"), text = File.ReadAllText(file);
        int begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, end = text.IndexOf(End, StringComparison.Ordinal);
        Assert.True(begin >= Begin.Length && end >= begin, "docs/reference/support.md has no place for the ioctls");
        if (Environment.GetEnvironmentVariable("CLOISTER_REGENERATE") == "1")
        {
            text = text[..begin] + IoctlTable.RenderMarkdown() + text[end..];
            File.WriteAllText(file, text);
            end = text.IndexOf(End, StringComparison.Ordinal);
        }

        Assert.Equal(IoctlTable.RenderMarkdown(), text[begin..end]);
    }

    [Fact]
    public void The_page_of_system_calls_shows_the_table_of_system_calls()
    {
        const string begin = "<!-- system calls: generated from SystemCallTable.cs -->\n";
        string file = Repository.At("docs", "reference", "system-calls.md"), text = File.ReadAllText(file);
        int at = text.IndexOf(begin, StringComparison.Ordinal) + begin.Length;
        Assert.True(at >= begin.Length, "docs/reference/system-calls.md has no place for the table");
        if (Environment.GetEnvironmentVariable("CLOISTER_REGENERATE") == "1")
        {
            File.WriteAllText(file, text = text[..at] + SystemCallTable.RenderMarkdown());
        }

        Assert.Equal(SystemCallTable.RenderMarkdown(), text[at..]);
    }

    // A class of tests of the class's name, in the folder of the same name, or one that says which classes it tests.
    private static void AssertTested(Type type, string project)
    {
        string tests = Repository.At("tests", project, Folder(type));
        var says = new Regex($@"\bclass {type.Name}Tests\b|\[TestsOf\(.*\btypeof\(([\w.]+\.)?{type.Name}\)");
        Assert.True(Directory.EnumerateFiles(tests, "*Tests.cs").Any(file => File.ReadLines(file).Any(line => says.IsMatch(line))),
            $"{type.FullName} has no tests in {tests}");
    }

    // What follows the project's name in the namespace.
    private static string Folder(Type type) => Path.Combine([.. type.Namespace!.Split('.').Skip(2)]);
}
