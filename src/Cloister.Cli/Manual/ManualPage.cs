using System.Globalization;
using System.Text;

namespace Cloister.Cli.Manual;

/// <summary>Makes the manual page in man(7)'s roff.</summary>
internal static class ManualPage
{
    /// <summary>Makes it.</summary>
    /// <param name="root">The table.</param>
    /// <param name="version">Cloister's version.</param>
    /// <param name="day">The page's date.</param>
    public static string Of(CommandEntry root, string version, DateOnly day)
    {
        var text = new StringBuilder();
        text.Append(".\\\" Made by `cloister manual' from the table of options.\n");
        text.Append(string.Create(CultureInfo.InvariantCulture,
            $".TH CLOISTER 1 {day:yyyy-MM-dd} \"Cloister {version.Split('+')[0]}\" \"Cloister\"\n"));
        text.Append(".SH NAME\ncloister \\- a software Intel SGX machine for development and testing\n");
        text.Append(".SH SYNOPSIS\n");
        CommandEntry[] commands = [.. root.All.Where(command => command.Path.Length > 0 && command.Commands.Count == 0)];
        foreach (CommandEntry command in commands)
        {
            text.Append($"{(command == commands[0] ? "" : ".br\n")}.B {Escaped(command.FullName)}\n{Arguments(command)}\n");
        }

        text.Append(".SH DESCRIPTION\n");
        Paragraphs(text, root.Description);
        text.Append(".SH COMMANDS\n");
        foreach (CommandEntry command in commands)
        {
            text.Append($".SS {Escaped(command.FullName)}\n");
            Paragraphs(text, command.Description);
            foreach (ArgumentEntry argument in command.Arguments)
            {
                text.Append($".TP\n.I {Escaped(argument.Name)}\n{Line(argument.Description)}\n");
            }

            foreach (OptionEntry option in command.Options)
            {
                text.Append($".TP\n{Usage(option)}\n{Line(option.Description)}\n");
            }
        }

        text.Append(".SH ENVIRONMENT\n");
        foreach ((string name, string meaning) in EnvironmentVariables.All)
        {
            text.Append($".TP\n.B {Escaped(name)}\n{Line(meaning)}\n");
        }

        text.Append(".SH FILES\n.TP\n.I $XDG_CONFIG_HOME/cloister/config\n");
        text.Append(
            Line("Options of `cloister run`, as many on a line as one likes, written as on the command line. A line that begins with # is a comment. The options of CLOISTER_OPTIONS go before those of this file, and the command line's before both.")).Append('\n');
        text.Append(".TP\n.I $XDG_STATE_HOME/cloister/platforms/default/root\\-key\n")
            .Append(Line("The machine's root key, from which all its keys come.")).Append('\n');
        text.Append(".SH EXIT STATUS\n");
        Statuses(text, "cloister run", ExitStatuses.OfRun);
        Statuses(text, "cloister inspect, measure, verify and sign", ExitStatuses.OfFiles);
        Statuses(text, "The other commands", ExitStatuses.OfOthers);
        text.Append(".SH EXAMPLES\n");
        foreach ((string command, string why) in RunHelp.Examples)
        {
            text.Append(
                $".TP\n.B {Escaped(command)}\n{Line(why.Length == 0 ? "Run a program." : char.ToUpperInvariant(why[0]) + why[1..] + ".")}\n");
        }

        return text.Append(".SH SECURITY\n")
            .Append(Line(
                "Cloister protects nothing: an enclave here is ordinary memory of ordinary processes, and its keys lie in a file of the user's. Never use it for a secret.")).Append('\n').ToString();
    }

    private static void Statuses(StringBuilder text, string title, IReadOnlyList<(string Status, string Meaning)> statuses)
    {
        text.Append($".SS {Escaped(title)}\n");
        foreach ((string status, string meaning) in statuses)
        {
            text.Append($".TP\n.B {Escaped(status)}\n{Line(char.ToUpperInvariant(meaning[0]) + meaning[1..] + ".")}\n");
        }
    }

    private static string Arguments(CommandEntry command) =>
        string.Join(' ', command.Arguments.Select(argument => $"\\fI{Escaped(argument.Usage)}\\fR")
            .Prepend(command.Options.Count == 0 ? "" : "[\\fIOPTIONS\\fR]")).Trim();

    // Names are bold and values are slanted.
    private static string Usage(OptionEntry option)
    {
        string value = option.ValueName is null ? "" : Escaped(option.ValueName);
        string names = string.Join(", ", option.Names.Select(name => $"\\fB{Escaped(name)}\\fR"));
        return names + (value.Length == 0 ? "" : option.IsValueOptional ? $"[=\\fI{value}\\fR]" : $" \\fI{value}\\fR");
    }

    // Lines that begin with blanks stand as they are; the others are filled. An empty line,
    // or the change from one to the other, parts paragraphs.
    private static void Paragraphs(StringBuilder text, string description)
    {
        bool? literal = null;
        bool parted = false;
        foreach (string line in description.Split('\n'))
        {
            if (line.Trim().Length == 0)
            {
                parted = literal is not null;
                continue;
            }

            bool indented = line.StartsWith(' ');
            if (indented != literal)
            {
                text.Append(literal is true ? ".fi\n.RE\n" : "").Append(literal is not null ? ".PP\n" : "")
                    .Append(indented ? ".RS 4\n.nf\n" : "");
            }
            else if (parted)
            {
                text.Append(".PP\n");
            }

            (literal, parted) = (indented, false);
            text.Append(indented ? "\\&" + Escaped(line.Trim()) : Line(line)).Append('\n');
        }

        text.Append(literal is true ? ".fi\n.RE\n" : "");
    }

    private static string Line(string text) => WrapSentences(Escaped(text.ReplaceLineEndings(" ")));

    // roff wants a sentence to begin a line of its own.
    private static string WrapSentences(string text)
    {
        IEnumerable<string> lines = text.Replace(". ", ".\n", StringComparison.Ordinal).Split('\n')
            .SelectMany(sentence => WrappedText.Of(sentence, 78));
        return string.Join('\n', lines.Select(line => line.StartsWith('.') || line.StartsWith('\'') ? "\\&" + line : line));
    }

    private static string Escaped(string text) => text.Replace("\\", "\\e", StringComparison.Ordinal)
        .Replace("-", "\\-", StringComparison.Ordinal).Replace("`", "\\(ga", StringComparison.Ordinal)
        .Replace("~", "\\(ti", StringComparison.Ordinal).Replace("^", "\\(ha", StringComparison.Ordinal);
}
