using System.CommandLine;
using System.CommandLine.Completions;
using Cloister.Cli.Manual;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister help COMMAND</c>: what <c>cloister COMMAND --help</c> prints.</summary>
internal static class HelpCommand
{
    public static Command Create()
    {
        var words = new Argument<string[]>("COMMAND")
        {
            Description = "The command, as in `cloister help lab edmm`; none for the list of commands.",
        };
        words.Arity = ArgumentArity.ZeroOrMore;
        words.HelpName = "COMMAND";
        var command = new Command("help", "Show help for a command.") { words };
        words.CompletionSources.Add(_ => command.Parents.OfType<Command>().SelectMany(root => root.Subcommands)
            .Where(other => !other.Hidden).Select(other => new CompletionItem(other.Name)));
        command.SetAction(parsed => Show(parsed, parsed.GetValue(words) ?? []));
        return command;
    }

    private static int Show(ParseResult parsed, string[] words)
    {
        Command root = parsed.RootCommandResult.Command, at = root;
        foreach (string word in words)
        {
            if (at.Subcommands.FirstOrDefault(below => below.Name == word && !below.Hidden) is not { } next)
            {
                return Failure.Report(
                    $"help: there is no command {word}{Spelling.Advice(word, at.Subcommands.Where(one => !one.Hidden).Select(one => one.Name), "`cloister help` lists them")}", Failure.Usage);
            }

            at = next;
        }

        if (words is ["run"])
        {
            RunHelp.Print(Console.Out, Terminal.Width);
            return 0;
        }

        return root.Parse([.. words, "--help"]).Invoke(parsed.InvocationConfiguration);
    }
}
