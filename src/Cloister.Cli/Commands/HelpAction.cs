using System.CommandLine;
using System.CommandLine.Invocation;
using Cloister.Cli.Manual;

namespace Cloister.Cli.Commands;

/// <summary>What the option <c>--help</c> does.</summary>
internal sealed class HelpAction : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        string path = string.Join(' ', CommandNames.Of(parseResult.CommandResult));
        CommandEntry root = CommandEntry.Of(parseResult.RootCommandResult.Command);
        HelpText.Print(root.All.FirstOrDefault(command => command.Path == path) ?? root, Console.Out, Terminal.Width);
        return 0;
    }
}
