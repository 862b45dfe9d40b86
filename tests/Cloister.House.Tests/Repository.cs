using System.Text;

namespace Cloister.House.Tests;

/// <summary>The files of the repository.</summary>
internal static class Repository
{
    /// <summary>The folder of Cloister.slnx.</summary>
    public static string Root { get; } = Find();

    /// <summary>A file or folder in it.</summary>
    public static string At(params string[] parts) => Path.Combine([Root, .. parts]);

    /// <summary>The source files of a project of the product, without what the compiler makes.</summary>
    public static IEnumerable<string> Sources(string project) =>
        Directory.EnumerateFiles(At("src", project), "*.cs", SearchOption.AllDirectories)
        .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal));

    /// <summary>The names of the projects of the product.</summary>
    public static IReadOnlyList<string> Projects { get; } = [.. Directory.EnumerateDirectories(At("src"))
        .Select(d => Path.GetFileName(d)).Order()];

    /// <summary>Code without its comments, and its string and character literals emptied or kept alone.</summary>
    /// <param name="source">C#.</param>
    /// <param name="literals">What stood in the literals.</param>
    public static string Code(string source, out List<string> literals)
    {
        literals = [];
        var code = new StringBuilder();
        for (int at = 0; at < source.Length;)
        {
            if (Starts(source, at, "//"))
            {
                int end = source.IndexOf('\n', at);
                at = end < 0 ? source.Length : end;
            }
            else if (Starts(source, at, "/*"))
            {
                int end = source.IndexOf("*/", at, StringComparison.Ordinal);
                at = end < 0 ? source.Length : end + 2;
            }
            else if (source[at] is '"' or '\'')
            {
                int end = EndOfLiteral(source, at);
                literals.Add(source[at..end].Trim('"', '\''));
                code.Append("\"\"");
                at = end;
            }
            else
            {
                code.Append(source[at++]);
            }
        }

        return code.ToString();
    }

    private static int EndOfLiteral(string source, int at)
    {
        char quote = source[at];
        int quotes = 1;
        while (quote == '"' && at + quotes < source.Length && source[at + quotes] == '"')
        {
            quotes++;
        }

        if (quotes >= 3)
        {
            int raw = source.IndexOf(new string('"', quotes), at + quotes, StringComparison.Ordinal);
            return raw < 0 ? source.Length : raw + quotes;
        }

        bool verbatim = at > 0 && (source[at - 1] == '@' || at > 1 && source[at - 1] == '$' && source[at - 2] == '@');
        for (int end = at + 1; end < source.Length; end++)
        {
            if (source[end] == '\\' && !verbatim)
            {
                end++;
            }
            else if (source[end] == quote)
            {
                if (verbatim && end + 1 < source.Length && source[end + 1] == quote)
                {
                    end++;
                    continue;
                }

                return end + 1;
            }
        }

        return source.Length;
    }

    private static bool Starts(string source, int at, string what) => string.CompareOrdinal(source, at, what, 0, what.Length) == 0;

    private static string Find()
    {
        DirectoryInfo at = new(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(at.FullName, "Cloister.slnx")))
        {
            at = at.Parent ?? throw new InvalidOperationException("The tests do not run inside the repository.");
        }

        return at.FullName;
    }
}
