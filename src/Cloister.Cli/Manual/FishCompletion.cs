using System.Text;

namespace Cloister.Cli.Manual;

/// <summary>Makes the completion script for fish: a line for each command, option and value.</summary>
internal static class FishCompletion
{
    private const string Head = """
        # fish completion for cloister: made by `cloister completion fish` from the table of options.
        # In ~/.config/fish/completions/cloister.fish, or: cloister completion fish | source

        # Prints the words of the command that is being written; `program` and its place when a program of its own follows.
        function __cloister_where
        	set -l words (commandline -opc)
        	set -l path
        	set -l i 2
        	while test $i -le (count $words)
        		set -l word $words[$i]
        		if test "$word" = --
        			set i (math $i + 1)
        			echo program $i
        			return
        		else if string match -q -- '-*' $word
        			if contains -- "$path $word" $__cloister_takes
        				set i (math $i + 1)
        			end
        		else if contains -- (string trim -- "$path $word") $__cloister_commands
        			set path (string trim -- "$path $word")
        		else if contains -- "$path" $__cloister_programs
        			echo program $i
        			return
        		end
        		set i (math $i + 1)
        	end
        	echo at $path
        end

        function __cloister_at
        	test (__cloister_where) = (string trim -- "at $argv")
        end

        function __cloister_in_program
        	string match -q -- 'program *' (__cloister_where)
        end

        # The program's own completion.
        function __cloister_program
        	set -l place (string split ' ' -- (__cloister_where))[2]
        	set -l words (commandline -opc)
        	set -l line
        	if test $place -le (count $words)
        		set line (string escape -- $words[$place..-1])
        	end
        	complete -C (string join ' ' -- $line (commandline -ct))
        end

        complete -c cloister -f
        complete -c cloister -n __cloister_in_program -a '(__cloister_program)'

        """;

    /// <summary>Makes it.</summary>
    public static string Of(CommandEntry root)
    {
        var text = new StringBuilder(Head);
        Set(text, "__cloister_commands", root.All.Where(command => command.Path.Length > 0).Select(command => command.Path));
        Set(text, "__cloister_takes",
            root.All.SelectMany(command => command.Options.Where(option => option.TakesWord)
                .SelectMany(option => option.Names.Select(name => $"{command.Path} {name}"))));
        Set(text, "__cloister_programs",
            root.All.Where(command => command.Arguments.Any(argument => argument.Values.Kind == ValueKind.Program))
            .Select(command => command.Path));
        foreach (CommandEntry command in root.All)
        {
            string start =
                $"complete -c cloister -n {Quoted(command.Path.Length == 0 ? "__cloister_at" : $"__cloister_at {command.Path}")}";
            text.Append('\n');
            foreach (CommandEntry below in command.Commands)
            {
                text.Append($"{start} -a {below.Name} -d {Quoted(below.Summary)}\n");
            }

            foreach (OptionEntry option in command.Options)
            {
                text.Append(
                    $"{start}{string.Concat(option.Names.Select(name => name.StartsWith("--", StringComparison.Ordinal) ? $" -l {name[2..]}" : $" -s {name[1..]}"))}");
                text.Append($"{Value(option)} -d {Quoted(option.Description.ReplaceLineEndings(" "))}\n");
                if (option.IsValueOptional)
                {
                    // fish takes the next word for the value, or nothing.
                    text.Append(
                        $"{start} -a {Quoted(string.Join(' ', option.Values.Choices.Select(value => $"{option.Names[^1]}={value}")))}\n");
                }
            }

            foreach (ArgumentEntry argument in command.Arguments)
            {
                text.Append(argument.Values.Kind switch
                {
                    ValueKind.File => $"{start} -F\n",
                    ValueKind.Choice => $"{start} -a {Quoted(string.Join(' ', argument.Values.Choices))}\n",
                    ValueKind.Program =>
                        $"{start[..^1]}; and not string match -q -- \"-*\" (commandline -ct)' -a '(__fish_complete_command)'\n",
                    _ => "",
                });
            }
        }

        return text.ToString();
    }

    private static string Value(OptionEntry option) => option switch
    {
        { ValueName: null } or { IsValueOptional: true } => "",
        { Values.Kind: ValueKind.File } => " -r -F",
        { Values.Kind: ValueKind.Choice } => $" -x -a {Quoted(string.Join(' ', option.Values.Choices))}",
        _ => " -x",
    };

    private static void Set(StringBuilder text, string name, IEnumerable<string> values) =>
        text.Append($"set -g {name}{string.Concat(values.Select(value => " " + Quoted(value)))}\n");

    private static string Quoted(string text) =>
        $"'{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'";
}
