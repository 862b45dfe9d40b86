namespace Cloister.Cli;

/// <summary>Text in lines that fit.</summary>
internal static class WrappedText
{
    /// <summary>Breaks a text at its blanks; a word that is too long stands alone.</summary>
    /// <param name="text">The text, one paragraph.</param>
    /// <param name="width">The most letters of a line.</param>
    /// <param name="first">The most of the first line, when that is another number.</param>
    public static IEnumerable<string> Of(string text, int width, int? first = null)
    {
        int room = first ?? width;
        string line = "";
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > room)
            {
                yield return line;
                (line, room) = ("", width);
            }

            line = line.Length == 0 ? word : $"{line} {word}";
        }

        yield return line;
    }
}
