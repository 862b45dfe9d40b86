using Cloister.Cli.Running;

namespace Cloister.Cli.Joining;

/// <summary>The options of a command line that say what machine it is to be, each as <c>--NAME=VALUE</c>.</summary>
internal static class MachineWords
{
    // How a run tells of itself, and by what it is found.
    private static readonly string[] s_ofTheRun = ["--machine", "--join", "--init", "--output", "--quiet", "--verbose",
        "--no-defaults", "--explain"];

    /// <summary>Reads them.</summary>
    /// <param name="words">What follows <c>run</c>: options that were read once already, without a mistake.</param>
    public static IReadOnlyList<string> Of(ReadOnlySpan<string> words)
    {
        var options = new List<string>();
        for (int i = 0; i < words.Length && words[i] != "--" && words[i].StartsWith('-'); i++)
        {
            string[] parts = words[i].Split('=', 2);
            if (RunOptions.Find(parts[0]) is not { } option)
            {
                break;
            }

            string? value = parts.Length == 2 ? parts[1] : option.ValueName is not null && !option.IsValueOptional && i + 1 < words.Length
                ? words[++i] : null;
            if (!s_ofTheRun.Contains(option.Name))
            {
                options.Add(value is null ? option.Name : $"{option.Name}={value}");
            }
        }

        return options;
    }
}
