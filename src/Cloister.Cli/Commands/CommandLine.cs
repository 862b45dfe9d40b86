using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Cloister.Cli.Manual;
using Cloister.Linux;

namespace Cloister.Cli.Commands;

/// <summary>The command line of all commands but <c>run</c>, which reads its own.</summary>
internal static class CommandLine
{
    private static InvocationConfiguration Configuration => new() { EnableDefaultExceptionHandler = false };

    /// <summary>The commands and their options: parsing, help, manual, reference and completions come from this.</summary>
    public static RootCommand Root()
    {
        var root = new RootCommand("""
            Cloister, a software Intel SGX machine: runs unmodified Linux SGX programs without SGX.
            It is for development and testing and protects nothing.
            """)
        {
            RunCommand.Create(),
            GdbCommand.Create(),
            ContainerCommand.Create(),
            DevicePluginCommand.Create(),
            PsCommand.Create(),
            TopCommand.Create(),
            MapsCommand.Create(),
            StatsCommand.Create(),
            MetricsCommand.Create(),
            DumpCommand.Create(),
            ReportCommand.Create(),
            DemoCommand.Create(),
            LabCommand.Create(),
            PlatformCommand.Create(),
            AttestCommand.Create(),
            DriverCommand.Create(),
            RacesCommand.Create(),
            DoctorCommand.Create(),
            InspectCommand.Create(),
            MeasureCommand.Create(),
            DiffCommand.Create(),
            VerifyCommand.Create(),
            SignCommand.Create(),
            HelpCommand.Create(),
            VersionCommand.Create(),
            CompletionCommand.Create(),
            ManualCommand.Create(),
        };
        VersionOption version = root.Options.OfType<VersionOption>().Single();
        version.Description = "Show the version.";
        version.Action = new VersionAction();
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Description = "Show help.";
        help.Action = new HelpAction();
        return root;
    }

    /// <summary>Does what the arguments say.</summary>
    /// <returns>The exit status.</returns>
    public static int Execute(string[] args)
    {
        if (args.Length == 0)
        {
            HelpText.Print(CommandEntry.Of(Root()), Console.Out, Terminal.Width);
            return Failure.Usage;
        }

        RootCommand root = Root();
        ParseResult parsed = root.Parse(args);
        if (args[0].StartsWith('-') && parsed.CommandResult.Command is not RootCommand && parsed.Action is not HelpAction)
        {
            string name = string.Join(' ', CommandNames.Of(parsed.CommandResult));
            return Failure.Report($"{args[0]} stands before the command, and options stand behind it: cloister {name} {args[0]} ...",
                Failure.Usage);
        }

        if (Misspelled(parsed, args) is { } option)
        {
            Command command = parsed.CommandResult.Command;
            string name = string.Join(' ', CommandNames.Of(parsed.CommandResult));
            return Failure.Report(
                $"{name}: there is no option {option}{Spelling.Advice(option, command.Options.Select(one => one.Name), $"`cloister {name} --help` lists them")}", Failure.Usage);
        }

        if (parsed.Errors is [ParseError first, ..])
        {
            return Failure.Report(Wrong(parsed, first), Failure.Usage);
        }

        if (OutputOption.Begin(parsed) is { } problem)
        {
            return Failure.Report($"{string.Join(' ', CommandNames.Of(parsed.CommandResult))}: {problem}", Failure.InputOutput);
        }

        return parsed.Invoke(Configuration);
    }

    // The parser takes an option that there is not for the name of a file; a file that is called so stands behind `--`.
    private static string? Misspelled(ParseResult parsed, string[] args)
    {
        int end = Array.IndexOf(args, "--");
        return parsed.CommandResult.Command.Hidden || parsed.CommandResult.Command is RootCommand
            ? null
            : parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(result => result.Tokens).Select(token => token.Value)
                .FirstOrDefault(value => value.StartsWith("--", StringComparison.Ordinal)
                    && (end < 0 || Array.IndexOf(args, value) < end))?.Split('=')[0];
    }

    // A word that is no command and no option is named before what is missing for its want.
    private static string Wrong(ParseResult parsed, ParseError error)
    {
        Command command = parsed.CommandResult.Command;
        bool isRoot = command is RootCommand;
        string name = isRoot ? "" : string.Join(' ', CommandNames.Of(parsed.CommandResult)) + ": ",
            help = $"`cloister {(isRoot ? "" : string.Join(' ', CommandNames.Of(parsed.CommandResult)) + " ")}--help`";
        if (parsed.UnmatchedTokens is [string unknown, ..])
        {
            if (unknown.StartsWith('-'))
            {
                string option = unknown.Split('=')[0];
                if (option != unknown && command.Options.Any(one => one.Name == option || one.Aliases.Contains(option)))
                {
                    return $"{name}{option} takes no value";
                }

                return $"{name}there is no option {option}{Spelling.Advice(option, command.Options.Select(one => one.Name), $"{help} lists them")}";
            }

            if (command.Subcommands.Count > 0)
            {
                string run = isRoot && (unknown.Contains('/', StringComparison.Ordinal) || ProgramPath.Find(unknown) is not null)
                    ? $"to run a program write `cloister run -- {unknown}`; " : "";
                return $"{name}there is no command {unknown}{Spelling.Advice(unknown, command.Subcommands.Where(one => !one.Hidden).Select(one => one.Name), $"{run}{help} lists them")}";
            }

            return $"{name}one argument too many: {unknown} ({help} tells more)";
        }

        return command.Subcommands.Count > 0 && !isRoot && parsed.Tokens.Count == CommandNames.Of(parsed.CommandResult).Count()
            ? $"{name}which? There is {Listed([.. command.Subcommands.Where(one => !one.Hidden).Select(one => one.Name)])}; {help} tells more"
            : $"{name}{Missing(error) ?? Plain(error)} ({help} tells more)";
    }

    private static string Listed(string[] names) =>
        names.Length < 2 ? string.Concat(names) : $"{string.Join(", ", names[..^1])} and {names[^1]}";

    // In the words that `run` has for it.
    private static string? Missing(ParseError error) => error.SymbolResult switch
    {
        ArgumentResult { Tokens.Count: 0, Argument: { } argument, Parent: CommandResult } => $"{argument.Name} is missing",
        OptionResult { Tokens.Count: 0, Option: { } option } => $"{option.Name} needs a value: {option.Name} {option.HelpName}",
        OptionResult { IdentifierTokenCount: > 1, Option: { Arity.MaximumNumberOfValues: 1 } option } => $"{option.Name} is there twice",
        ArgumentResult { Tokens.Count: 0, Parent: OptionResult { Option: { } option } } =>
            $"{option.Name} needs a value: {option.Name} {option.HelpName}",
        _ => null,
    };

    // The parser names the types of .NET.
    private static string Plain(ParseError error) =>
        Regex.Match(error.Message,
            @"^Cannot parse argument '(?<value>.*)' for (option|argument|command) '(?<name>.*)' as expected type '.*System\.(?:IO\.)?(?<type>\w+)\]?'\.$", RegexOptions.Singleline) is { Success: true } match
            ? $"{match.Groups["name"]}: '{match.Groups["value"]}' is not {match.Groups["type"].Value switch
            {
                "UInt16" => "a number from 0 to 65535",
                "UInt64" or "Int32" => "a whole number",
                "Boolean" => "true or false",
                "FileInfo" => "a file's name",
                var other => other,
            }}"
            : error.Message;
}
