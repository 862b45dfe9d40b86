using System.Text;

namespace Cloister.Cli.Running;

/// <summary>
/// Splits a line into words as a shell does: blanks part them, quotes and backslashes keep them together. Nothing is expanded.
/// </summary>
internal static class OptionWords
{
    /// <summary>Splits.</summary>
    /// <param name="line">The line.</param>
    /// <param name="problem">What is wrong with it, or null.</param>
    public static List<string> Of(string line, out string? problem)
    {
        var words = new List<string>();
        StringBuilder? word = null;
        char quote = '\0';
        for (int at = 0; at < line.Length; at++)
        {
            char c = line[at];
            if (quote == '\0' && char.IsWhiteSpace(c))
            {
                if (word is not null)
                {
                    words.Add(word.ToString());
                    word = null;
                }

                continue;
            }

            word ??= new StringBuilder();
            if (c == '\\' && quote != '\'')
            {
                if (++at == line.Length)
                {
                    problem = "a backslash stands at the end";
                    return words;
                }

                word.Append(line[at]);
            }
            else if (quote == '\0' && c is '\'' or '"')
            {
                quote = c;
            }
            else if (c == quote)
            {
                quote = '\0';
            }
            else
            {
                word.Append(c);
            }
        }

        problem = quote == '\0' ? null : $"a quote {quote} is not closed";
        if (word is not null)
        {
            words.Add(word.ToString());
        }

        return words;
    }
}
