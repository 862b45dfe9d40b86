using System.CommandLine;
using System.CommandLine.Parsing;
using Cloister.Linux;

namespace Cloister.Cli.Commands;

/// <summary>The option <c>--output</c> of commands whose result is text: what would go to the output stream goes to a file.</summary>
internal sealed class OutputOption : Option<FileInfo?>
{
    private const string ToStream = "-";

    public OutputOption()
        : base("--output", "-o")
    {
        Description = "Where the result goes, in place of the standard output stream.";
        HelpName = "FILE";
    }

    /// <summary>Opens the file that was asked for, if one was, before anything is written.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    public static string? Begin(ParseResult parsed)
    {
        if (parsed.CommandResult.Command.Options.OfType<OutputOption>().FirstOrDefault() is not { } option
            || parsed.GetValue(option) is not { } file || file.ToString() == ToStream)
        {
            return null;
        }

        string name = file.ToString();
        if (IsInput(parsed, option, file.FullName) is { } input)
        {
            return $"--output {name}: that is {input} itself";
        }

        using FileStream? stream = OutputFile.Open(file.FullName, out string? problem);
        return problem is not null ? $"--output {name}: {problem}"
            : HostKernel.ReplaceOutput(stream!.SafeFileHandle) is not Errno.None and var errno ? $"--output {name}: {errno}" : null;
    }

    // A file that is read would be emptied.
    private static string? IsInput(ParseResult parsed, OutputOption option, string output)
    {
        if (!HostKernel.TryStat(output, out ulong device, out ulong inode, out _))
        {
            return null;
        }

        IEnumerable<string> names = parsed.CommandResult.Children.SelectMany(child => child switch
        {
            ArgumentResult { Argument: Argument<FileInfo> } argument => argument.Tokens,
            OptionResult { Option: Option<FileInfo?> } given when given.Option != option => given.Tokens,
            _ => [],
        }).Select(token => token.Value);
        return names.FirstOrDefault(
            name => HostKernel.TryStat(name, out ulong itsDevice, out ulong itsInode, out uint mode) && (mode & 0xf000) == 0x8000
                && (itsDevice, itsInode) == (device, inode));
    }
}
