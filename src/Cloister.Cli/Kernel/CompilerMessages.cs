using System.Text.RegularExpressions;

namespace Cloister.Cli.Kernel;

/// <summary>What the compiler says, in one line.</summary>
internal static partial class CompilerMessages
{
    private const int Most = 20;

    /// <summary>Which names are missing, or else the first error.</summary>
    /// <param name="text">What gcc wrote.</param>
    public static string Summary(string text)
    {
        string[] names = [.. MissingName().Matches(text)
            .Select(match => string.Join('.', match.Groups.Values.Skip(1).Where(group => group.Success).Select(group => group.Value)))
            .Distinct().Order(StringComparer.Ordinal)];
        if (MissingHeader().Match(text) is { Success: true } header)
        {
            return header.Groups[1].Value is "stdint.h" or "string.h" or "stdlib.h"
                ? $"gcc finds no {header.Groups[1].Value}: `apt-get install libc6-dev`"
                : $"the driver includes {header.Groups[1].Value}, which is not there";
        }

        if (names.Length > 0)
        {
            string more = names.Length > Most ? $" and {names.Length - Most} more" : "";
            return $"this driver uses of the kernel what Cloister's does not have: {string.Join(", ", names.Take(Most))}{more}";
        }

        string first = text.Split('\n').FirstOrDefault(line => line.Contains("error:", StringComparison.Ordinal)) ?? text.Split('\n')[0];
        return $"gcc: {first.Trim()}";
    }

    // A member is named after its structure.
    [GeneratedRegex(@"'(\w+)' undeclared|implicit declaration of function '(\w+)'|unknown type name '(\w+)'|'(?:const )?(?:struct |union )?(\w+)' has no member named '(\w+)'|undefined reference to `(\w+)'|(?:undefined|incomplete) type '(?:const )?(?:struct|union) (\w+)'")]
    private static partial Regex MissingName();

    [GeneratedRegex(@"fatal error: ([^:\n]+): No such file")]
    private static partial Regex MissingHeader();
}
