namespace Cloister.Cli.Manual;

/// <summary>What <c>--help</c> prints, from the table.</summary>
internal static class HelpText
{
    private const int Column = 28, FileWidth = 100;

    /// <summary>Prints it.</summary>
    /// <param name="command">The command.</param>
    /// <param name="writer">Where to.</param>
    /// <param name="width">Columns of the terminal; null for a file, whose rows are as long as they are.</param>
    public static void Print(CommandEntry command, TextWriter writer, int? width)
    {
        Description(writer, command.Description, width);
        writer.WriteLine("\nUsage:");
        string[] words = [command.FullName, command.Commands.Count > 0 ? "COMMAND [OPTIONS]"
            : "[OPTIONS]", .. command.Arguments.Select(argument => argument.Usage)];
        writer.WriteLine($"  {string.Join(' ', words)}");
        if (command.Commands.Count > 0)
        {
            writer.WriteLine("\nCommands:");
            int column = 4 + command.Commands.Max(below => below.Name.Length);
            foreach (CommandEntry below in command.Commands)
            {
                Row(writer, $"  {below.Name}".PadRight(column), below.Summary, column, width);
            }
        }

        if (command.Arguments.Count > 0)
        {
            writer.WriteLine("\nArguments:");
            foreach (ArgumentEntry argument in command.Arguments)
            {
                Row(writer, argument.Name, argument.Description, width);
            }
        }

        writer.WriteLine("\nOptions:");
        foreach (OptionEntry option in command.Options)
        {
            Row(writer, (option.Names[0].StartsWith("--", StringComparison.Ordinal) ? "    " : "") + option.Usage,
                option.Description, width);
        }
    }

    /// <summary>A row of two columns; what does not fit goes on below the second.</summary>
    public static void Row(TextWriter writer, string name, string text, int? width) =>
        Row(writer, (name.Length < Column - 3 ? "  " + name.PadRight(Column - 2) : $"  {name}  "), text, Column, width);

    /// <summary>The same with a column of another place.</summary>
    public static void Row(TextWriter writer, string first, string text, int column, int? width)
    {
        IEnumerable<string> lines = width is { } columns
            ? WrappedText.Of(text, Math.Max(columns - column, 20), Math.Max(columns - first.Length, 20)) : [text];
        foreach (string line in lines)
        {
            writer.WriteLine(first + line);
            first = new string(' ', column);
        }
    }

    /// <summary>A paragraph.</summary>
    public static void Paragraph(TextWriter writer, string text, int? width) => Row(writer, "", text, 0, width ?? FileWidth);

    // Lines that begin with blanks stand as they are; those between two others are one paragraph.
    private static void Description(TextWriter writer, string description, int? width)
    {
        var paragraph = new List<string>();
        foreach (string line in description.Split('\n').Append(""))
        {
            bool isText = line.Length > 0 && line[0] != ' ';
            if (isText && !line.EndsWith(':'))
            {
                paragraph.Add(line);
                continue;
            }

            if (paragraph.Count > 0)
            {
                Paragraph(writer, string.Join(' ', paragraph), width);
                paragraph.Clear();
            }

            if (isText)
            {
                writer.WriteLine($"\n{line}");
            }
            else if (line.Length > 0)
            {
                writer.WriteLine(line);
            }
        }
    }
}
