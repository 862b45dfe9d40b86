using System.Text.RegularExpressions;
using Cloister.Cli.Kernel;

namespace Cloister.Kernel.Tests.Harness;

/// <summary>
/// One change to a copy of the kernel's driver, in words about its code: in which function, what is found there, what stands there then.
/// </summary>
/// <param name="File">A file of the driver.</param>
/// <param name="Function">The function, whose body begins at the last line that begins
/// with its result and has its name and no semicolon.</param>
/// <param name="Find">A regular expression; the first place in the function.</param>
/// <param name="Replace">What stands there then, with $1 for groups.</param>
internal sealed record TreeChange(string File, string Function, string Find, string Replace)
{
    /// <summary>Makes the change.</summary>
    public void Make(KernelTree tree)
    {
        string path = Path.Combine(tree.Folder, File), text = System.IO.File.ReadAllText(path);
        Match head = Regex.Match(text, $@"^[a-z][^;{{}}]*?\b{Function}\([^;{{}}]*\)\s*\{{", RegexOptions.Multiline);
        Assert.True(head.Success, $"{File} has no function {Function}");
        int end = text.IndexOf("\n}\n", head.Index, StringComparison.Ordinal);
        string body = text[head.Index..end];
        var find = new Regex(Find);
        Assert.True(find.IsMatch(body), $"{Function} in {File} has nothing like {Find}");
        System.IO.File.WriteAllText(path, text[..head.Index] + find.Replace(body, Replace, 1) + text[end..]);
    }

    public override string ToString() => $"{Function}: {Find} -> {Replace}";
}
