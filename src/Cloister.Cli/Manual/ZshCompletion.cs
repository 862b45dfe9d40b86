using System.Text;

namespace Cloister.Cli.Manual;

/// <summary>Makes the completion script for zsh, a function for each command over _arguments (zshcompsys(1)).</summary>
internal static class ZshCompletion
{
    /// <summary>Makes it.</summary>
    public static string Of(CommandEntry root)
    {
        var text = new StringBuilder(
            "#compdef cloister\n# Made by `cloister completion zsh` from the table of options. In ~/.zshrc, after compinit: source <(cloister completion zsh)\n\n");
        foreach (CommandEntry command in root.All)
        {
            Function(text, command);
        }

        // As a file of fpath it is the function's body; read by source it only defines.
        return text.Append("if [ \"$funcstack[1]\" = _cloister ]; then\n\t_cloister \"$@\"\nelse\n\tcompdef _cloister cloister\nfi\n")
            .ToString();
    }

    private static void Function(StringBuilder text, CommandEntry command)
    {
        bool hasCommands = command.Commands.Count > 0;
        text.Append($"{Function(command)}() {{\n");
        if (hasCommands)
        {
            text.Append("\tlocal curcontext=$curcontext state line\n\tlocal -a below\n\ttypeset -A opt_args\n");
        }

        text.Append(hasCommands ? "\t_arguments -C \\\n" : "\t_arguments -S \\\n");
        foreach (OptionEntry option in command.Options)
        {
            text.Append($"\t\t{Specification(option)} \\\n");
        }

        if (hasCommands)
        {
            text.Append("\t\t'1: :->command' \\\n\t\t'*:: :->rest'\n\tcase $state in\n\tcommand)\n\t\tbelow=(\n");
            foreach (CommandEntry below in command.Commands)
            {
                text.Append($"\t\t\t{Quoted($"{below.Name}:{below.Summary}")}\n");
            }

            text.Append("\t\t)\n\t\t_describe command below\n\t\t;;\n\trest)\n\t\tcase $words[1] in\n");
            foreach (CommandEntry below in command.Commands)
            {
                text.Append($"\t\t{below.Name}) {Function(below)} ;;\n");
            }

            text.Append("\t\tesac\n\t\t;;\n\tesac\n}\n\n");
            return;
        }

        for (int at = 0; at < command.Arguments.Count; at++)
        {
            ArgumentEntry argument = command.Arguments[at];
            text.Append(argument.Values.Kind == ValueKind.Program
                ? "\t\t'(-)1:program: _command_names -e' \\\n\t\t'*::arguments: _normal' \\\n"
                : $"\t\t{Quoted($"{(argument.IsMany ? "*" : $"{at + 1}")}:{argument.Name}:{Action(argument.Values)}")} \\\n");
        }

        text.Append("\t\t&& return 0\n}\n\n");
    }

    private static string Function(CommandEntry command) =>
        "_cloister" + (command.Path.Length == 0 ? "" : "_" + command.Path.Replace(' ', '_'));

    // (-o --output)'{-o+,--output=}'[text]:FILE:_files
    private static string Specification(OptionEntry option)
    {
        string[] names = [.. option.Names.Select(name => option switch
        {
            { ValueName: null } => name,
            { IsValueOptional: true } => name + "=-",
            _ => name.StartsWith("--", StringComparison.Ordinal) ? name + "=" : name + "+",
        })];
        string exclusion = option.Names.Count > 1 ? $"({string.Join(' ', option.Names)})" : "";
        string value = option.ValueName is null ? ""
            : $"{(option.IsValueOptional ? "::" : ":")}{Escaped(option.ValueName)}:{Action(option.Values)}";
        string tail = $"[{Escaped(option.Description)}]{value}";
        return option.Names.Count > 1 ? $"{Quoted(exclusion)}{{{string.Join(',', names)}}}{Quoted(tail)}" : Quoted(names[0] + tail);
    }

    private static string Action(ValueEntry values) => values.Kind switch
    {
        ValueKind.File => "_files",
        ValueKind.Choice => $"({string.Join(' ', values.Choices)})",
        _ => " ",
    };

    private static string Escaped(string text) => text.ReplaceLineEndings(" ").Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("[", "\\[", StringComparison.Ordinal)
        .Replace("]", "\\]", StringComparison.Ordinal).Replace(":", "\\:", StringComparison.Ordinal);

    private static string Quoted(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
