using System.Text.RegularExpressions;

namespace Cloister.House.Tests;

/// <summary>The documents refer to what is there, and say of each command whether it is run.</summary>
public partial class DocumentTests
{
    private static readonly string[] s_marks = ["run", "output", "not-run"];

    private static IEnumerable<string> Documents => Directory.EnumerateFiles(Repository.Root, "*.md", SearchOption.AllDirectories)
        .Where(file => !Path.GetRelativePath(Repository.Root, file).Split('/')
            .Any(part => part is "artifacts" or "obj" or "bin" or ".git" or "node_modules"));

    [Fact]
    public void Links_lead_somewhere()
    {
        Assert.All(Documents, file =>
        {
            string text = WithoutCode(File.ReadAllText(file));
            foreach (Match match in Link().Matches(text))
            {
                string target = match.Groups["target"].Value, anchor = match.Groups["anchor"].Value;
                if (target.Contains("://", StringComparison.Ordinal))
                {
                    continue;
                }

                string path = target.Length == 0 ? file : Path.Combine(Path.GetDirectoryName(file)!, target);
                Assert.True(Path.Exists(path), $"{file}: {target} is not there");
                Assert.True(anchor.Length == 0 || Anchors(path).Contains(anchor), $"{file}: {target} has no part {anchor}");
            }
        });
    }

    [Fact]
    public void Documents_are_called_by_where_they_are()
    {
        string[] sources = [.. Repository.Projects.SelectMany(Repository.Sources), .. Documents];
        Assert.All(sources, file => Assert.All(Mention().Matches(File.ReadAllText(file)), match =>
            Assert.True(File.Exists(Repository.At(match.Value)), $"{file} speaks of {match.Value}")));
    }

    [Fact]
    public void Each_document_is_in_the_list()
    {
        string list = File.ReadAllText(Repository.At("docs", "README.md"));
        Assert.All(Directory.EnumerateFiles(Repository.At("docs"), "*.md", SearchOption.AllDirectories)
            .Where(file => !file.EndsWith("/README.md", StringComparison.Ordinal)), file =>
            Assert.Contains($"({Path.GetRelativePath(Repository.At("docs"), file)})", list, StringComparison.Ordinal));
    }

    [Fact]
    public void Commands_are_marked_as_run_or_not()
    {
        IEnumerable<string> guides = new[] { "tutorial",
            "how-to" }.SelectMany(kind => Directory.EnumerateFiles(Repository.At("docs", kind), "*.md")).Append(Repository.At("README.md"));
        Assert.All(guides, file =>
        {
            string text = File.ReadAllText(file);
            Assert.DoesNotMatch(@"(?m)\n\n    \S", text);
            bool open = false;
            foreach (string line in text.Split('\n').Where(line => line.StartsWith("```", StringComparison.Ordinal)))
            {
                open = !open;
                Assert.True(!open || line.Split(' ')
                    .Any(word => s_marks.Contains(word.TrimEnd(':')) || word.StartsWith("file=", StringComparison.Ordinal)),
                    $"{file}: {line}");
            }

            Assert.False(open, $"{file}: a block is not closed");
        });
    }

    // GitHub makes them of headings: lower-case, without punctuation, blanks as dashes.
    private static IEnumerable<string> Anchors(string file) => File.ReadAllLines(file).Where(line => line.StartsWith('#'))
        .Select(line => string.Concat(line.TrimStart('#').Trim().ToLowerInvariant()
            .Where(c => char.IsLetterOrDigit(c) || c is ' ' or '-' or '_')).Replace(' ', '-'));

    private static string WithoutCode(string text) => Code().Replace(text, "");

    [GeneratedRegex(@"\]\((?<target>[^)\s#]*)(#(?<anchor>[^)\s]*))?\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"(?ms)^```.*?^```|`[^`\n]*`|^    [^\n]*$")]
    private static partial Regex Code();

    [GeneratedRegex(@"\bdocs/[A-Za-z0-9_/-]+\.(md|svg)\b")]
    private static partial Regex Mention();
}
