using System.Globalization;
using System.Text;

namespace Cloister.Cli.Covering;

/// <summary>Coverage as lcov writes it: geninfo(1), "FILES". A count is 1 or 0: code is told of when it is executed first.</summary>
internal static class LcovText
{
    /// <summary>The text.</summary>
    /// <param name="sources">By file of sources.</param>
    public static string Of(IReadOnlyDictionary<string, CoveredSource> sources)
    {
        var text = new StringBuilder();
        foreach ((string file, CoveredSource source) in sources)
        {
            Line(text, $"TN:\nSF:{file.ReplaceLineEndings("?")}");
            foreach ((string name, (int line, _)) in source.Functions)
            {
                Line(text, $"FN:{line},{name}");
            }

            foreach ((string name, (_, bool isReached)) in source.Functions)
            {
                Line(text, $"FNDA:{(isReached ? 1 : 0)},{name}");
            }

            Line(text, $"FNF:{source.Functions.Count}\nFNH:{source.Functions.Values.Count(function => function.IsReached)}");
            foreach ((int line, bool isReached) in source.Lines)
            {
                Line(text, $"DA:{line},{(isReached ? 1 : 0)}");
            }

            Line(text, $"LF:{source.Lines.Count}\nLH:{source.Lines.Values.Count(isReached => isReached)}\nend_of_record");
        }

        return text.ToString();
    }

    private static void Line(StringBuilder text, FormattableString line) =>
        text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
