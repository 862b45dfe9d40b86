using System.Reflection;
using System.Text.RegularExpressions;
using Cloister.Architecture;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests;

public class LeafTableTests
{
    private const string Begin = "<!-- leaves: generated from LeafTable.cs -->\n";
    private const string End = "<!-- end of leaves -->\n";

    private static readonly IEnumerable<Type> LeafClasses = typeof(LeafTable).Assembly.GetTypes().Where(type
        => type.Namespace is "Cloister.Processor.Encls" or "Cloister.Processor.Enclu"
            && type is { IsPublic: true, IsAbstract: true, IsSealed: true }
            && type != typeof(Processor.Enclu.EncluInstruction) && type != typeof(Processor.Encls.EvictedPage));

    [Fact]
    public void Every_leaf_of_the_architecture_has_a_row()
    {
        // EVERIFYREPORT2 is about TDX, and CPUID says that it is not there.
        IEnumerable<(string, uint, string)> encls = Enum.GetValues<EnclsLeaf>()
            .Select(leaf => ("ENCLS", (uint)leaf, leaf.ToString().ToUpperInvariant()));
        IEnumerable<(string, uint, string)> enclu = Enum.GetValues<EncluLeaf>()
            .Where(leaf => leaf != EncluLeaf.Everifyreport2)
            .Select(leaf => ("ENCLU", (uint)leaf, leaf.ToString().ToUpperInvariant()));
        Assert.Equal(encls.Concat(enclu).Order(), LeafTable.Rows.Select(row => (row.Instruction, row.Number, row.Name)).Order());
    }

    [Fact]
    public void Every_row_has_a_class_of_its_name_and_every_class_a_row()
    {
        foreach (LeafRow row in LeafTable.Rows)
        {
            Assert.Equal(row.Name, row.Class.Name.ToUpperInvariant());
            Assert.Equal(row.Instruction, row.Class.Namespace!.Split('.')[^1].ToUpperInvariant());
            MethodInfo execute = Assert.Single(row.Class.GetMethods(), method => method.Name == "Execute");
            Assert.Equal(typeof(LeafResult), execute.ReturnType);
        }

        Assert.Equal(LeafTable.Rows.Select(row => row.Class.FullName).Order(), LeafClasses.Select(type => type.FullName).Order());
    }

    [Fact]
    public void Every_row_has_a_citation_and_a_feature() => Assert.All(LeafTable.Rows, row =>
    {
        Assert.Matches("^(SDM 3D, .*" + row.Name + "|Intel, " + row.Name + " specification)", row.Citation);
        Assert.Matches(@"^(SGX[12]|CPUID\.12H\.0:EAX\[\d+\])$", row.Feature);
    });

    [Fact]
    public void Every_row_has_tests_of_its_own()
    {
        var tested = typeof(LeafTableTests).Assembly.GetTypes()
            .Where(type => type.GetMethods().Any(method => method.GetCustomAttribute<FactAttribute>() is not null))
            .Select(type => type.GetCustomAttribute<TestsOfAttribute>())
            .Where(attribute => attribute is not null)
            .SelectMany(attribute => attribute!.Leaves)
            .ToHashSet();
        Assert.All(LeafTable.Rows, row => Assert.Contains(row.Class, tested));
    }

    [Fact]
    public void Every_refusal_of_a_leaf_is_cited()
    {
        var refusal = new Regex(
            @"(return|(?<!LeafResult)\?|:) (LeafResult\.(GeneralProtection|PageFault|Of\((?!error))|(machine\.)?Refuse\(|SgxError\.(?!Success))");
        var citation = new Regex("// (SDM [13]|EUPDATESVN)");
        int refusals = 0;
        foreach (string folder in new[] { "Encls", "Enclu" })
        {
            foreach (string file in Directory.EnumerateFiles(Path.Combine(Repository.Root, "src", "Cloister.Processor", folder), "*.cs"))
            {
                int cited = int.MinValue;
                string[] lines = File.ReadAllLines(file);
                for (int line = 0; line < lines.Length; line++)
                {
                    cited = citation.IsMatch(lines[line]) ? line : cited;
                    if (refusal.IsMatch(lines[line]))
                    {
                        refusals++;
                        Assert.True(line - (long)cited <= 14,
                            $"{Path.GetFileName(file)}:{line + 1} refuses without saying where that is written");
                    }
                }
            }
        }

        Assert.InRange(refusals, 100, 1000);
    }

    [Fact]
    public void The_page_of_what_is_supported_is_up_to_date()
    {
        string file = Path.Combine(Repository.Root, "docs", "reference", "support.md");
        string text = File.ReadAllText(file);
        int begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        int end = text.IndexOf(End, StringComparison.Ordinal);
        Assert.True(begin >= Begin.Length && end >= begin, "docs/reference/support.md has no place for the leaves");
        if (Environment.GetEnvironmentVariable("CLOISTER_REGENERATE") == "1")
        {
            text = text[..begin] + LeafTable.RenderMarkdown() + text[end..];
            File.WriteAllText(file, text);
            end = text.IndexOf(End, StringComparison.Ordinal);
        }

        Assert.Equal(LeafTable.RenderMarkdown(), text[begin..end]);
    }
}
