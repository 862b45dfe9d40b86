using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Cloister.Cli;
using Cloister.Cli.Commands;

AppDomain.CurrentDomain.UnhandledException += (_, e) => Environment.Exit(Failure.Report((Exception)e.ExceptionObject));
try
{
    return args is ["run", ..] ? RunCommand.Execute(args.AsSpan(1)) : Commands(args);
}
catch (Exception e)
{
    return Failure.Report(e);
}

static int Commands(string[] args)
{
    var root = new RootCommand("""
        Cloister, a software Intel SGX machine: runs unmodified Linux SGX programs without SGX.
        It is for development and testing and protects nothing.
        """)
    {
        RunCommand.Create(),
        DemoCommand.Create(),
        LabCommand.Create(),
        DoctorCommand.Create(),
        InspectCommand.Create(),
        MeasureCommand.Create(),
        VerifyCommand.Create(),
        SignCommand.Create(),
    };
    ParseResult parsed = root.Parse(args);
    if (Misspelled(parsed, args) is { } option)
    {
        Command command = parsed.CommandResult.Command;
        string name = string.Join(' ', Names(parsed.CommandResult));
        return Failure.Report($"{name}: there is no option {option}{Spelling.Advice(option, command.Options.Select(one => one.Name), $"`cloister {name} --help` lists them")}", Failure.Usage);
    }

    if (args.Length > 0 && parsed.Errors is [ParseError first, ..])
    {
        return Failure.Report(Wrong(parsed, first), Failure.Usage);
    }

    int status = parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    return args.Length == 0 ? Failure.Usage : status;
}

// The parser takes an option that there is not for the name of a file; a file that is called so stands behind `--`.
static string? Misspelled(ParseResult parsed, string[] args)
{
    int end = Array.IndexOf(args, "--");
    return parsed.CommandResult.Command.Hidden || parsed.CommandResult.Command is RootCommand
        ? null
        : parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(result => result.Tokens).Select(token => token.Value)
            .FirstOrDefault(value => value.StartsWith("--", StringComparison.Ordinal) && (end < 0 || Array.IndexOf(args, value) < end))?.Split('=')[0];
}

// A word that is no command and no option is named before what is missing for its want.
static string Wrong(ParseResult parsed, ParseError error)
{
    Command command = parsed.CommandResult.Command;
    bool isRoot = command is RootCommand;
    string name = isRoot ? "" : string.Join(' ', Names(parsed.CommandResult)) + ": ", help = $"`cloister {(isRoot ? "" : string.Join(' ', Names(parsed.CommandResult)) + " ")}--help`";
    if (parsed.UnmatchedTokens is [string unknown, ..])
    {
        if (unknown.StartsWith('-'))
        {
            string option = unknown.Split('=')[0];
            return $"{name}there is no option {option}{Spelling.Advice(option, command.Options.Select(one => one.Name), $"{help} lists them")}";
        }

        if (command.Subcommands.Count > 0)
        {
            return $"{name}there is no command {unknown}{Spelling.Advice(unknown, command.Subcommands.Where(one => !one.Hidden).Select(one => one.Name), $"{help} lists them")}";
        }
    }

    return command.Subcommands.Count > 0 && !isRoot && parsed.Tokens.Count == Names(parsed.CommandResult).Count()
        ? $"{name}which? There is {string.Join(" and ", command.Subcommands.Where(one => !one.Hidden).Select(one => one.Name))}; {help} tells more"
        : $"{Plain(error)} ({help} tells more)";
}

static IEnumerable<string> Names(CommandResult result) => result.Parent is CommandResult { Command: not RootCommand } parent ? [.. Names(parent), result.Command.Name] : [result.Command.Name];

// The parser names the types of .NET.
static string Plain(ParseError error) =>
    Regex.Match(error.Message, @"^Cannot parse argument '(?<value>.*)' for (option|argument|command) '(?<name>.*)' as expected type '.*System\.(?:IO\.)?(?<type>\w+)\]?'\.$", RegexOptions.Singleline) is { Success: true } match
        ? $"{match.Groups["name"]}: '{match.Groups["value"]}' is not {match.Groups["type"].Value switch
        {
            "UInt16" => "a number from 0 to 65535",
            "UInt64" => "a number",
            "Boolean" => "true or false",
            "FileInfo" => "a file's name",
            var other => other,
        }}"
        : error.Message;
