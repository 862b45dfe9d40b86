using System.CommandLine;
using System.Text.Json;
using Cloister.Cli.Looking;

namespace Cloister.Cli.Commands;

/// <summary>What the commands that look at runs have in common.</summary>
internal static class LookOptions
{
    /// <summary>The run.</summary>
    public static Argument<int> Process() => new("PID") { Description = "The process of `cloister run`, or one of the program's." };

    /// <summary>For programs.</summary>
    public static Option<bool> Json() => new("--json") { Description = "Print JSON (docs/reference/json.md lists the members)." };

    /// <summary>Says in a line what is wrong.</summary>
    public static int Guard(Func<int> action)
    {
        try
        {
            return action();
        }
        catch (LookException wrong)
        {
            return Failure.Report(wrong.Message, Failing.Failed);
        }
        catch (JsonException)
        {
            return Failure.Report("its answer is of another version", Failing.Failed);
        }
    }

    /// <summary>Prints an answer's members, but for some.</summary>
    public static void Print(JsonElement answer, params string[] without) => JsonOutput.Print(writer =>
    {
        foreach (JsonProperty member in answer.EnumerateObject().Where(member => member.Name != "schema" && !without.Contains(member.Name)))
        {
            member.WriteTo(writer);
        }
    });

    /// <summary>A table whose columns are as wide as they need; numbers stand at the right.</summary>
    /// <param name="rows">The rows, the first one of titles.</param>
    /// <param name="indent">Blanks before each.</param>
    public static void Print(IReadOnlyList<string[]> rows, int indent = 0)
    {
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length))];
        foreach (string[] row in rows)
        {
            Console.WriteLine(
                (new string(' ', indent)
                    + string.Join("  ",
                        row.Select((cell, column) => IsNumber(rows, column) ? cell.PadLeft(widths[column])
                            : cell.PadRight(widths[column])))).TrimEnd());
        }
    }

    private static bool IsNumber(IReadOnlyList<string[]> rows, int column) =>
        rows.Skip(1).All(row => row[column].Length == 0 || char.IsAsciiDigit(row[column][0]));
}
