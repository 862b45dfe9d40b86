using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister version</c>.</summary>
internal static class VersionCommand
{
    /// <summary>Cloister's version.</summary>
    public static string Version =>
        typeof(VersionCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
        ?? "of no version";

    /// <summary>Cloister's version and the runtime's.</summary>
    public static string Line => $"Cloister {Version} on .NET {Environment.Version}";

    public static Command Create()
    {
        var command = new Command("version", "Print the version.");
        command.SetAction(_ =>
        {
            Console.Out.WriteLine(Line);
            return 0;
        });
        return command;
    }
}

/// <summary>What the option <c>--version</c> does: the same.</summary>
internal sealed class VersionAction : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        Console.Out.WriteLine(VersionCommand.Line);
        return 0;
    }
}
