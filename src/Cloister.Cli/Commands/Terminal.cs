using System.Text;
using Cloister.Linux;
using Spectre.Console;

namespace Cloister.Cli.Commands;

/// <summary>Colours and a width on a terminal; none of both in a file or a pipe.</summary>
internal static class Terminal
{
    // Lines in a file need not fit a screen; the longest field of a SIGSTRUCT has 768 digits.
    private const int FileWidth = 1024;
    private const int LeastWidth = 40;

    // In fewer columns a table would break words into letters; the terminal breaks its lines then.
    private const int LeastTableWidth = 72;

    /// <summary>Columns of the terminal on the output stream; null where there is none.</summary>
    public static int? Width
    {
        get
        {
            if (Console.IsOutputRedirected)
            {
                return null;
            }

            // A terminal that does not know its size says 0.
            int width = HostKernel.TerminalColumns(1);
            return width > 0 ? Math.Max(width, LeastWidth) : null;
        }
    }

    /// <summary>
    /// Whether colours are wanted: on a terminal that is not dumb, when NO_COLOR is not set or empty (no-color.org).
    /// </summary>
    public static bool HasColours => !Console.IsOutputRedirected
        && Environment.GetEnvironmentVariable("NO_COLOR") is null or ""
        && Environment.GetEnvironmentVariable("TERM") is { Length: > 0 } and not "dumb";

    private static int TableWidth => Math.Max(Width ?? FileWidth, LeastTableWidth);

    /// <summary>The output stream for tables and charts.</summary>
    public static IAnsiConsole Output { get; } = Create();

    /// <summary>Writes Spectre's markup.</summary>
    public static void Write(string markup)
    {
        Output.Markup(markup);
        Output.Profile.Out.Writer.Flush();
    }

    private static IAnsiConsole Create()
    {
        bool colours = HasColours;
        IAnsiConsole output = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = colours ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = colours ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new PlainOutput(new UnpaddedWriter(Console.Out), TableWidth),
        });
        output.Profile.Width = TableWidth;
        return output;
    }

    // Spectre's own asks the framework for the terminal's size, which has it send other codes to the terminal.
    private sealed class PlainOutput(TextWriter writer, int width) : IAnsiConsoleOutput
    {
        public TextWriter Writer => writer;

        public bool IsTerminal => !Console.IsOutputRedirected;

        public int Width => width;

        public int Height => 24;

        public void SetEncoding(Encoding encoding)
        {
        }
    }

    // Tables pad their last column. Blanks are held back until something follows them on the line.
    private sealed class UnpaddedWriter(TextWriter writer) : TextWriter
    {
        private readonly StringBuilder _ready = new();
        private int _blanks;

        public override Encoding Encoding => writer.Encoding;

        public override void Write(char value)
        {
            if (value == ' ')
            {
                _blanks++;
                return;
            }

            _ready.Append(' ', value == '\n' ? 0 : _blanks).Append(value);
            _blanks = 0;
            if (value == '\n')
            {
                Flush();
            }
        }

        public override void Flush()
        {
            writer.Write(_ready.Append(' ', _blanks).ToString());
            _ready.Clear();
            _blanks = 0;
            writer.Flush();
        }
    }
}
