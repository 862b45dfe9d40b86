using System.Text;

namespace Cloister.Cli.Manual;

/// <summary>Makes the completion script for bash. It needs no other package, and starts nothing.</summary>
internal static class BashCompletion
{
    // '=' parts words in COMP_WORDS (COMP_WORDBREAKS), so `--engine=tr` comes as three. GNU Bash manual, "Bash Variables".
    private const string Body = """
        _cloister() {
        	local IFS=$' \t\n' cur=${COMP_WORDS[COMP_CWORD]} path='' option='' word i
        	COMPREPLY=()
        	for ((i = 1; i < COMP_CWORD; i++)); do
        		word=${COMP_WORDS[i]}
        		option=''
        		if [[ $word == -- ]]; then
        			((i++))
        			_cloister_rest "$path" "$i"
        			return
        		elif [[ $word == -* ]]; then
        			option=$word
        			if [[ ${COMP_WORDS[i + 1]-} == '=' ]]; then
        				((i += 2))
        				((i >= COMP_CWORD)) && break
        				option=''
        			elif [[ $(_cloister_takes "$path" "$word") == word ]]; then
        				((i++))
        				((i >= COMP_CWORD)) && break
        				option=''
        			else
        				option=''
        			fi
        		elif [[ " $(_cloister_commands "$path") " == *" $word "* ]]; then
        			path=${path:+$path }$word
        		elif [[ $(_cloister_argument "$path") == program ]]; then
        			_cloister_rest "$path" "$i"
        			return
        		fi
        	done
        	[[ $cur == '=' ]] && cur=''
        	if [[ -n $option ]]; then
        		_cloister_reply "$(_cloister_values "$path" "$option")" "$cur"
        	elif [[ $cur == -* ]]; then
        		_cloister_reply "words $(_cloister_options "$path")" "$cur"
        	else
        		word=$(_cloister_commands "$path")
        		if [[ -n $word ]]; then
        			_cloister_reply "words $word" "$cur"
        		else
        			_cloister_reply "$(_cloister_argument "$path")" "$cur"
        		fi
        	fi
        }

        # What follows `--`, or the program's name: the program's own completion where bash-completion has one.
        _cloister_rest() {
        	if [[ $(_cloister_argument "$1") != program ]]; then
        		_cloister_reply file "${COMP_WORDS[COMP_CWORD]}"
        	elif declare -F _command_offset >/dev/null; then
        		_command_offset "$2"
        	elif ((COMP_CWORD == $2)); then
        		_cloister_reply program "${COMP_WORDS[COMP_CWORD]}"
        	else
        		_cloister_reply file "${COMP_WORDS[COMP_CWORD]}"
        	fi
        }

        _cloister_reply() {
        	case $1 in
        	file)
        		compopt -o filenames 2>/dev/null
        		mapfile -t COMPREPLY < <(compgen -f -- "$2")
        		;;
        	program)
        		compopt -o filenames 2>/dev/null
        		mapfile -t COMPREPLY < <(if [[ $2 == */* ]]; then compgen -f -- "$2"; else compgen -c -- "$2"; compgen -d -- "$2"; fi | sort -u)
        		;;
        	words*) mapfile -t COMPREPLY < <(compgen -W "${1#words}" -- "$2") ;;
        	esac
        }

        complete -F _cloister cloister

        """;

    /// <summary>Makes it.</summary>
    public static string Of(CommandEntry root)
    {
        var text = new StringBuilder(
            "# bash completion for cloister: made by `cloister completion bash` from the table of options.\n# In ~/.bashrc: source <(cloister completion bash)\n\n");
        Function(text, "_cloister_commands", root,
            command => command.Commands.Count == 0 ? []
                : [(Quoted(command.Path), string.Join(' ', command.Commands.Select(one => one.Name)))]);
        Function(text, "_cloister_options", root,
            command => [(Quoted(command.Path), string.Join(' ', command.Options.SelectMany(option => option.Names)))]);
        Function(text, "_cloister_argument", root,
            command => command.Arguments.Count == 0 ? [] : [(Quoted(command.Path), Answer(command.Arguments[0].Values))]);
        Function(text, "_cloister_takes", root, command => Cases(command, option => option.TakesWord, _ => "word"), "\"$1 $2\"");
        Function(text, "_cloister_values", root,
            command => Cases(command, option => option.ValueName is not null, option => Answer(option.Values)), "\"$1 $2\"");
        return text.Append(Body).ToString();
    }

    private static IEnumerable<(string Pattern, string Answer)> Cases(CommandEntry command, Func<OptionEntry, bool> which,
        Func<OptionEntry, string> answer) => command.Options
        .Where(which)
        .Select(option => (string.Join(" | ", option.Names.Select(name => Quoted($"{command.Path} {name}"))), answer(option)))
        .Where(one => one.Item2.Length > 0);

    private static void Function(StringBuilder text, string name, CommandEntry root,
        Func<CommandEntry, IEnumerable<(string Pattern, string Answer)>> cases, string word = "$1")
    {
        text.Append($"{name}() {{\n\tcase {word} in\n");
        foreach ((string pattern, string answer) in root.All.SelectMany(cases))
        {
            text.Append($"\t{pattern}) echo {Quoted(answer)} ;;\n");
        }

        text.Append("\tesac\n}\n\n");
    }

    private static string Answer(ValueEntry values) => values.Kind switch
    {
        ValueKind.File => "file",
        ValueKind.Program => "program",
        ValueKind.Choice => "words " + string.Join(' ', values.Choices),
        _ => "",
    };

    private static string Quoted(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
