using Spectre.Console;

namespace Cloister.Cli.Commands;

/// <summary>Colours on a terminal, and none in a file or a pipe.</summary>
internal static class Terminal
{
    // Lines in a file need not fit a screen; the longest field of a SIGSTRUCT has 768 digits.
    private const int FileWidth = 1024;

    /// <summary>The output stream for tables and charts.</summary>
    public static IAnsiConsole Output { get; } = Create();

    /// <summary>Writes Spectre's markup.</summary>
    public static void Write(string markup) => Output.Markup(markup);

    private static IAnsiConsole Create()
    {
        bool redirected = Console.IsOutputRedirected;
        IAnsiConsole output = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = redirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = InteractionSupport.No,
        });
        output.Profile.Width = redirected ? FileWidth : output.Profile.Width;
        return output;
    }
}
