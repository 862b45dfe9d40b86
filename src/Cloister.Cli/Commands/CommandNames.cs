using System.CommandLine;
using System.CommandLine.Parsing;

namespace Cloister.Cli.Commands;

/// <summary>What a command is called by.</summary>
internal static class CommandNames
{
    /// <summary>The words of a command; none for the root.</summary>
    public static IEnumerable<string> Of(CommandResult result) => result.Command is RootCommand ? []
        : result.Parent is CommandResult { Command: not RootCommand } parent ? [.. Of(parent), result.Command.Name] : [result.Command.Name];
}
