using System.Text.RegularExpressions;
using Cloister.Cli.Kernel;
using Cloister.Kernel.Tests.Harness;

namespace Cloister.Kernel.Tests;

/// <summary>Nothing of the kernel is in the repository: no run of words that its files have as well.</summary>
public partial class KernelTextTests
{
    // Declarations and structures of the interface are alike for some words, as they must be; this is some five lines.
    private const int Longest = 60;

    [KernelFact]
    public void No_file_of_ours_has_a_long_run_of_the_kernels_words()
    {
        var kernels = new HashSet<string>();
        foreach (string version in KernelSources.Versions)
        {
            KernelTree tree = KernelSources.Tree(version);
            foreach (string file in Directory.GetFiles(tree.Folder).Append(tree.Header).Append(tree.UserHeader))
            {
                kernels.UnionWith(Runs(File.ReadAllText(file)).Select(run => run.Text));
            }
        }

        Assert.NotEmpty(kernels);
        string root = Harness.KernelSources.Root;
        string[] files = [
            .. new[] { "native", "conformance", "samples",
                "bench" }.SelectMany(folder => Directory.EnumerateFiles(Path.Combine(root, folder), "*.*", SearchOption.AllDirectories))
            .Where(file => file.EndsWith(".c", StringComparison.Ordinal) || file.EndsWith(".h", StringComparison.Ordinal)
                || file.EndsWith(".S", StringComparison.Ordinal))];
        Assert.NotEmpty(files);
        Assert.All(files,
            file => Assert.All(Runs(File.ReadAllText(file)), run => Assert.False(kernels.Contains(run.Text), $"{file}: {run.Text}")));
    }

    private static IEnumerable<(int At, string Text)> Runs(string text)
    {
        string[] words = [.. Word().Matches(text).Select(match => match.Value)];
        for (int at = 0; at + Longest <= words.Length; at++)
        {
            yield return (at, string.Join(' ', words[at..(at + Longest)]));
        }
    }

    [GeneratedRegex(@"\w+|[^\w\s]")]
    private static partial Regex Word();
}
