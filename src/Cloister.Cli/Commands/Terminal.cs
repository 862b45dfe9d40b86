using Spectre.Console;

namespace Cloister.Cli.Commands;

/// <summary>Colours on a terminal, and none in a file or a pipe.</summary>
internal static class Terminal
{
    /// <summary>The output stream for tables and charts.</summary>
    public static IAnsiConsole Output { get; } = AnsiConsole.Create(new AnsiConsoleSettings
    {
        Ansi = Console.IsOutputRedirected ? AnsiSupport.No : AnsiSupport.Detect,
        ColorSystem = Console.IsOutputRedirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
        Interactive = InteractionSupport.No,
    });

    /// <summary>Writes Spectre's markup.</summary>
    public static void Write(string markup) => Output.Markup(markup);
}
