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
    if (args.Length > 0 && parsed.Errors is [ParseError first, ..])
    {
        if (parsed.UnmatchedTokens is [string unknown, ..] && parsed.CommandResult.Command == root)
        {
            return Failure.Report($"there is no command {unknown}; `cloister --help` lists them", Failure.Usage);
        }

        return Failure.Report($"{Plain(first)} (`cloister {(parsed.CommandResult.Command == root ? "" : parsed.CommandResult.Command.Name + " ")}--help` tells more)", Failure.Usage);
    }

    int status = parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    return args.Length == 0 ? Failure.Usage : status;
}

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
