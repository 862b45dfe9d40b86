using System.CommandLine;
using System.CommandLine.Completions;

namespace Cloister.Cli.Manual;

/// <summary>
/// A command, as the generators of help, manual, reference and completions see it: read off the model that parses the command line, so that
/// they cannot part.
/// </summary>
/// <param name="Path">Its words, without the program's name; empty for the program itself.</param>
/// <param name="Summary">The first line of what it does.</param>
/// <param name="Description">What it does.</param>
/// <param name="Options">Its options.</param>
/// <param name="Arguments">Its other arguments.</param>
/// <param name="Commands">The commands below it.</param>
internal sealed record CommandEntry(
    string Path, string Summary, string Description, IReadOnlyList<OptionEntry> Options, IReadOnlyList<ArgumentEntry> Arguments,
    IReadOnlyList<CommandEntry> Commands)
{
    /// <summary>The last word of the path.</summary>
    public string Name => Path[(Path.LastIndexOf(' ') + 1)..];

    /// <summary>How it is called.</summary>
    public string FullName => Path.Length == 0 ? "cloister" : $"cloister {Path}";

    /// <summary>This one and all below it, those that are only for commands below them too.</summary>
    public IEnumerable<CommandEntry> All => Commands.SelectMany(command => command.All).Prepend(this);

    /// <summary>Reads a model.</summary>
    public static CommandEntry Of(Command command) => Of(command, "");

    // The parser has it at the root, for all.
    private static readonly OptionEntry s_help = new(["-h", "--help"], null, "Show help.", new ValueEntry(ValueKind.Text, []));

    private static CommandEntry Of(Command command, string path)
    {
        string description = (command.Description ?? "").ReplaceLineEndings("\n");
        return new CommandEntry(
            path,
            description.Split('\n')[0],
            description,
            [.. command.Options.Where(option => !option.Hidden && option.Name != "--help").Select(Entry), s_help],
            [.. command.Arguments.Where(argument => !argument.Hidden).Select(argument => Entry(argument, path))],
            [.. command.Subcommands.Where(below => !below.Hidden)
                .Select(below => Of(below, path.Length == 0 ? below.Name : $"{path} {below.Name}"))]);
    }

    private static OptionEntry Entry(Option option)
    {
        string[] names = [.. option.Aliases.Append(option.Name).Where(name => name != "-?").Distinct()
            .OrderBy(name => name.StartsWith("--", StringComparison.Ordinal))];
        bool flag = option.ValueType == typeof(bool) || option.Arity.MaximumNumberOfValues == 0;
        if (flag)
        {
            return new OptionEntry(names, null, option.Description ?? "", new ValueEntry(ValueKind.Text, []));
        }

        string value = option.HelpName ?? option.Name.TrimStart('-').ToUpperInvariant();
        string description = option.Description ?? "";
        if (option.HasDefaultValue && $"{option.GetDefaultValue()}" is { Length: > 0 } text)
        {
            description += $" Default: {text}.";
        }

        return new OptionEntry(names, value, description, Values(option, option.ValueType))
        {
            IsValueOptional = option.Arity.MinimumNumberOfValues == 0,
        };
    }

    private static ArgumentEntry Entry(Argument argument, string path)
    {
        ValueEntry values = Values(argument, argument.ValueType);
        return new ArgumentEntry(argument.Name, argument.Description ?? "", path == "run" ? values with { Kind = ValueKind.Program }
            : values, argument.Arity.MaximumNumberOfValues > 1);
    }

    private static ValueEntry Values(Symbol symbol, Type type)
    {
        string[] choices = [.. symbol.GetCompletions(CompletionContext.Empty).Select(item => item.Label)];
        bool isFile = type == typeof(FileInfo) || type == typeof(FileInfo[]);
        return choices.Length > 0 ? new ValueEntry(ValueKind.Choice, choices)
            : new ValueEntry(isFile ? ValueKind.File : ValueKind.Text, []);
    }
}
