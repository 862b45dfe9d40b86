using Cloister.Cli.Running;

namespace Cloister.Cli.Manual;

/// <summary>What <c>cloister run --help</c> prints.</summary>
internal static class RunHelp
{
    private const int StatusColumn = 17;

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
        HelpText.Paragraph(writer, Description, width);
        writer.WriteLine("""

            Usage:
              cloister run [OPTIONS] [--] PROGRAM [ARGUMENTS]

            Options:
            """);
        foreach (RunOption option in RunOptions.All)
        {
            string text = option.Description() + (option.Here is { } here ? $" Here: {here()}." : "");
            HelpText.Row(writer, (option.Short is null ? "    " : "") + option.Usage, text, width);
        }

        HelpText.Row(writer, "-h, --help", "This text.", width);
        writer.WriteLine("\nExamples:");
        foreach ((string command, string why) in Examples)
        {
            writer.WriteLine(why.Length == 0 ? $"  {command}" : $"  {command,-52} # {why}");
        }

        writer.WriteLine();
        HelpText.Paragraph(writer,
            "CLOISTER_OPTIONS and the configuration file ($XDG_CONFIG_HOME/cloister/config, or the one that CLOISTER_CONFIG names) hold options that need not be written each time: the command line goes before CLOISTER_OPTIONS, and that before the file.", width);
        writer.WriteLine();
        HelpText.Paragraph(writer,
            "SIGPWR sent to Cloister is a loss of power as well; SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1 and SIGUSR2 are passed on to the program.", width);

        writer.WriteLine("\nExit status:");
        foreach ((string status, string meaning) in ExitStatuses.OfRun)
        {
            HelpText.Row(writer, $"  {status,-14} ", meaning, StatusColumn, width);
        }
    }
}
