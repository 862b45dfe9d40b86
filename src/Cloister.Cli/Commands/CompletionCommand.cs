using System.CommandLine;
using Cloister.Cli.Manual;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister completion SHELL</c>: a script that completes the command line.</summary>
internal static class CompletionCommand
{
    private static readonly (string Shell, Func<CommandEntry, string> Make)[] s_shells = [("bash", BashCompletion.Of),
        ("zsh", ZshCompletion.Of), ("fish", FishCompletion.Of)];

    public static Command Create()
    {
        var shell = new Argument<string>("SHELL") { Description = $"The shell: {string.Join(", ", s_shells.Select(one => one.Shell))}." };
        shell.HelpName = "SHELL";
        shell.CompletionSources.Add([.. s_shells.Select(one => one.Shell)]);
        var output = new OutputOption();
        var command = new Command("completion",
            "Print a script that completes the command line, as in `source <(cloister completion bash)`.") { shell, output };
        command.SetAction(parsed =>
        {
            string asked = parsed.GetValue(shell)!;
            if (Array.Find(s_shells, one => one.Shell == asked).Make is not { } make)
            {
                return Failure.Report(
                    $"completion: no script for {asked}{Spelling.Advice(asked, s_shells.Select(one => one.Shell), "there is bash, zsh and fish")}", Failure.Usage);
            }

            Console.Out.Write(make(CommandEntry.Of(parsed.RootCommandResult.Command)));
            return 0;
        });
        return command;
    }
}
