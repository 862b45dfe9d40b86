using System.CommandLine;
using System.Globalization;
using Cloister.Cli.Manual;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister manual</c>: the manual page.</summary>
internal static class ManualCommand
{
    public static Command Create()
    {
        var output = new OutputOption();
        var command = new Command("manual", "Print the manual page, for man: `cloister manual -o cloister.1; man ./cloister.1`.")
        { output };
        command.SetAction(parsed =>
        {
            Console.Out.Write(ManualPage.Of(CommandEntry.Of(parsed.RootCommandResult.Command), VersionCommand.Version, Day()));
            return 0;
        });
        return command;
    }

    // https://reproducible-builds.org/specs/source-date-epoch
    private static DateOnly Day() =>
        long.TryParse(Environment.GetEnvironmentVariable("SOURCE_DATE_EPOCH"), NumberStyles.None, CultureInfo.InvariantCulture,
            out long seconds)
        && seconds < DateTimeOffset.MaxValue.ToUnixTimeSeconds()
        ? DateOnly.FromDateTime(DateTimeOffset.FromUnixTimeSeconds(seconds).UtcDateTime)
        : DateOnly.FromDateTime(DateTime.UtcNow);
}
