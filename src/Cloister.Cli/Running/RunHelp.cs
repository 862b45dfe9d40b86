using Cloister.Cli.Commands;
using Cloister.Cli.Manual;

namespace Cloister.Cli.Running;

/// <summary>What <c>cloister run --help</c> prints.</summary>
internal static class RunHelp
{
    private const int Column = 28, StatusColumn = 17, FileWidth = 100;

    /// <summary>What the command does.</summary>
    public const string Description = "Run a program on the machine. Its standard streams, exit status and signals are its own.";

    /// <summary>Examples, a line each: a command and what it is for.</summary>
    public static IReadOnlyList<(string Command, string Why)> Examples { get; } =
    [
        ("cloister run -- ./my-sgx-app --its-own-option", ""),
        ("cloister run --epc 8MiB --stats -- ./my-sgx-app", "a small EPC: pages are evicted"),
        ("cloister run --cpu icelake-server -- ./my-sgx-app", "on a processor that it knows"),
        ("cloister run --platform new -- ./my-sgx-app", "keys that no other run has"),
        ("cloister run --engine=trap -- ./my-sgx-app", "the plain way, to compare with"),
        ("cloister run -q --stats=json -o FILE -- ./my-sgx-app", "counts for a script"),
        ("cloister run --power-loss entry=100 -- ./my-sgx-app", "the enclave is lost, as in a suspend"),
    ];

    /// <summary>Prints it.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="width">Columns of the terminal; null for a file, whose lines are as long as they are.</param>
    public static void Print(TextWriter writer, int? width = null)
    {
        Paragraph(writer, Description, width);
        writer.WriteLine("""

            Usage:
              cloister run [OPTIONS] [--] PROGRAM [ARGUMENTS]

            Options:
            """);
        foreach (RunOption option in RunOptions.All)
        {
            string text = option.Description() + (option.Here is { } here ? $" Here: {here()}." : "");
            Write(writer, (option.Short is null ? "    " : "") + option.Usage, text, width);
        }

        Write(writer, "-h, --help", "This text.", width);
        writer.WriteLine("\nExamples:");
        foreach ((string command, string why) in Examples)
        {
            writer.WriteLine(why.Length == 0 ? $"  {command}" : $"  {command,-52} # {why}");
        }

        writer.WriteLine();
        Paragraph(writer, "CLOISTER_OPTIONS and the configuration file ($XDG_CONFIG_HOME/cloister/config, or the one that CLOISTER_CONFIG names) hold options that need not be written each time: the command line goes before CLOISTER_OPTIONS, and that before the file.", width);
        writer.WriteLine();
        Paragraph(writer, "SIGPWR sent to Cloister is a loss of power as well; SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1 and SIGUSR2 are passed on to the program.", width);

        writer.WriteLine("\nExit status:");
        foreach ((string status, string meaning) in ExitStatuses.OfRun)
        {
            Write(writer, $"  {status,-14} ", meaning, StatusColumn, width);
        }
    }

    private static void Paragraph(TextWriter writer, string text, int? width) => Write(writer, "", text, 0, width ?? FileWidth);

    private static void Write(TextWriter writer, string usage, string text, int? width)
    {
        string first = usage.Length < Column - 3 ? "  " + usage.PadRight(Column - 2) : "  " + usage + "  ";
        Write(writer, first, text, Column, width);
    }

    // What does not fit goes on below the column.
    private static void Write(TextWriter writer, string first, string text, int column, int? width)
    {
        IEnumerable<string> lines = width is { } columns ? WrappedText.Of(text, Math.Max(columns - column, 20), Math.Max(columns - first.Length, 20)) : [text];
        foreach (string line in lines)
        {
            writer.WriteLine(first + line);
            first = new string(' ', column);
        }
    }
}
