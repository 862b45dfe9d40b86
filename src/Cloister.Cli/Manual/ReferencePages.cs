using System.Text;
using Cloister.Cli.Metrics;

namespace Cloister.Cli.Manual;

/// <summary>Makes the pages of docs/reference that say what the table says.</summary>
internal static class ReferencePages
{
    private const string Made = "<!-- made from the table of options by CLOISTER_REGENERATE=1 dotnet test tests/Cloister.Cli.Tests -->\n\n";

    /// <summary>docs/reference/metrics.md.</summary>
    public static string Metrics()
    {
        var text = new StringBuilder(
            "# Metrics\n\n<!-- made from the table of metrics by CLOISTER_REGENERATE=1 dotnet test tests/Cloister.Cli.Tests -->\n\n");
        text.Append(
            "`cloister metrics PID` prints them once, `cloister run --metrics PORT` serves them at `http://127.0.0.1:PORT/metrics`, both in Prometheus' text format. Names\nare after OpenTelemetry's semantic conventions, and for Prometheus as its exporters have them. Whoever can connect to the port can read them: they have neither\nthe program's arguments nor anything of its memory.\n`--metrics otlp=URL` sends them by OpenTelemetry's protocol (OTLP 1, HTTP with protobuf, cumulative) each minute and at the end; what is `target.info` here is the\nresource there. The variables of OpenTelemetry's specification count ([environment](environment.md)).\n\n");
        text.Append(
            "What is counted by enclave and by operation is counted since `--metrics`, `--stats` or the first look; of an enclave whose process has another one as well,\nentries and exits without a stop are missing.\n\n| metric | for Prometheus | kind | unit | attributes | |\n|---|---|---|---|---|---|\n");
        foreach (Metric metric in MetricTable.All)
        {
            text.Append(
                $"| `{metric.Name}` | `{metric.PrometheusName}` | {metric.PrometheusType} | {metric.Unit} | {string.Join(", ", metric.Attributes.Select(attribute => $"`{attribute}`"))} | {metric.Description} |\n");
        }

        return text.ToString();
    }

    /// <summary>docs/reference/options.md.</summary>
    public static string Options(CommandEntry root)
    {
        var text = new StringBuilder("# Options\n\n" + Made);
        text.Append(
            "`cloister help COMMAND` prints the same, `cloister manual` makes a manual page of it, `cloister completion bash`, `zsh` or `fish` a\nscript that completes it. Each command has `-h` and `--help`.\n\n");
        text.Append("Options of `run` may stand in CLOISTER_OPTIONS and in a file as well: [environment](environment.md).\n");
        foreach (CommandEntry command in root.All)
        {
            text.Append($"\n## {command.FullName}\n\n{Prose(command.Description)}\n");
            if (command.Commands.Count == 0)
            {
                text.Append(
                    $"\n    {string.Join(' ', command.Arguments.Select(argument => argument.Usage).Prepend(command.Options.Count == 0 ? command.FullName : command.FullName + " [OPTIONS]"))}\n");
            }

            if (command.Arguments.Count + command.Options.Count > 0)
            {
                text.Append("\n| | |\n|---|---|\n");
                foreach (ArgumentEntry argument in command.Arguments)
                {
                    text.Append($"| `{argument.Name}` | {Cell(argument.Description)} |\n");
                }

                foreach (OptionEntry option in command.Options)
                {
                    text.Append($"| `{Cell(option.Usage)}` | {Cell(option.Description)} |\n");
                }
            }

            if (command.Commands.Count > 0)
            {
                text.Append($"\nIts commands: {string.Join(", ", command.Commands.Select(below => $"`{below.Name}`"))}.\n");
            }
        }

        return text.ToString();
    }

    /// <summary>docs/reference/exit-status.md.</summary>
    public static string ExitStatus()
    {
        var text = new StringBuilder("# Exit statuses\n\n" + Made);
        text.Append(
            "Whatever goes wrong is one line on the error stream, and one of these. The numbers from 64 are those of sysexits.h.\n");
        Table(text, "`cloister run`", ExitStatuses.OfRun);
        Table(text, "`cloister inspect`, `measure`, `verify` and `sign`", ExitStatuses.OfFiles);
        Table(text, "the other commands", ExitStatuses.OfOthers);
        return text.ToString();
    }

    /// <summary>docs/reference/environment.md.</summary>
    public static string Environment()
    {
        var text = new StringBuilder("# Environment\n\n" + Made);
        text.Append("| variable | |\n|---|---|\n");
        Rows(text, EnvironmentVariables.All);
        text.Append("""

            ## Options that need not be written each time

            The command line goes before CLOISTER_OPTIONS, and CLOISTER_OPTIONS before the configuration file; an option that is given twice counts
            as it is given last. Only `run` reads them, and `doctor` tells of them. `run --verbose` says where an option comes from, and
            `run --no-defaults` leaves both alone.

            The file is $XDG_CONFIG_HOME/cloister/config. Its lines are options as on the command line:

                # a small machine, and always the same keys
                --epc 64MiB
                --seed 'for my tests'
                --stats=json --output /tmp/stats

            A line that begins with # is a comment. One that is wrong is told with its file and number, and nothing runs (exit status 64).
            Root does not read a file that belongs to another user, unless CLOISTER_CONFIG names it.

            ## In the repository

            | variable | |
            |---|---|

            """);
        Rows(text, EnvironmentVariables.OfTheRepository);
        return text.ToString();
    }

    private static void Table(StringBuilder text, string title, IReadOnlyList<(string, string)> rows)
    {
        text.Append($"\n## {title}\n\n| status | |\n|---|---|\n");
        Rows(text, rows);
    }

    private static void Rows(StringBuilder text, IEnumerable<(string First, string Second)> rows)
    {
        foreach ((string first, string second) in rows)
        {
            text.Append($"| {Cell(first)} | {Cell(second)} |\n");
        }
    }

    // Lines that begin with blanks are commands, which Markdown wants four of.
    private static string Prose(string description) =>
        string.Join('\n', description.Split('\n')
            .Select(line => line.StartsWith(' ') ? "    " + line.Trim() : line.EndsWith(':') ? line + "\n" : line));

    private static string Cell(string text) => text.ReplaceLineEndings(" ").Replace("|", "\\|", StringComparison.Ordinal);
}
