using Cloister.Images;
using Cloister.Linux;

namespace Cloister.Cli.Running;

/// <summary>
/// Options of <c>run</c> that need not be written each time. Those of CLOISTER_OPTIONS go before those of the file, the command line's
/// before both. The file is $XDG_CONFIG_HOME/cloister/config (XDG Base Directory Specification: ~/.config where the variable is not set),
/// or the one that CLOISTER_CONFIG names.
/// </summary>
internal static class OptionDefaults
{
    /// <summary>The variable that holds options.</summary>
    public const string Variable = "CLOISTER_OPTIONS";

    /// <summary>The variable that names the file; empty, there is none.</summary>
    public const string FileVariable = "CLOISTER_CONFIG";

    /// <summary>Reads them.</summary>
    /// <param name="problem">What is wrong with them, in a line that says where; or null.</param>
    public static RunArguments Read(out string? problem)
    {
        RunArguments arguments = FromFile(new RunArguments(), out problem);
        return problem is null && Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } words
            ? Add(words, Variable, arguments, out problem) : arguments;
    }

    /// <summary>The file, whether it is there or not; null when there can be none.</summary>
    public static string? Path
    {
        get
        {
            if (Environment.GetEnvironmentVariable(FileVariable) is { } named)
            {
                return named.Length == 0 ? null : named;
            }

            string? home = Environment.GetEnvironmentVariable("XDG_CONFIG_HOME");
            string root = home is { Length: > 0 } && home[0] == '/' ? home
                : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is ['/', ..] user ? user + "/.config" : "";
            return root.Length == 0 ? null : root + "/cloister/config";
        }
    }

    /// <summary>What there is to say of the file, in the words of <c>doctor</c>.</summary>
    public static string FileText => Path switch
    {
        null => "no file, for there is no home directory, or CLOISTER_CONFIG is empty",
        var path when IsForeign(path) => $"not in {path}, which belongs to another user",
        var path when File.Exists(path) => $"in {path}",
        var path => $"in {path}, which is not there",
    };

    // Under sudo the home may be somebody else's, whose file says what root is to do.
    private static bool IsForeign(string path) => Environment.GetEnvironmentVariable(FileVariable) is null && HostProbe.EffectiveUser == 0
        && FileStatus.TryGet(path, out FileStatus status) == Errno.None && status.Owner != 0;

    private static RunArguments FromFile(RunArguments arguments, out string? problem)
    {
        problem = null;
        if (Path is not { } path)
        {
            return arguments;
        }

        // A home that is not this user's, as su leaves it, may not be searched: then it has no file for them.
        if (Environment.GetEnvironmentVariable(FileVariable) is null && (IsForeign(path) || FileStatus.TryGet(path, out _) != Errno.None))
        {
            return arguments;
        }

        string[] lines;
        try
        {
            lines = InputFile.Text(InputFile.Of(path)).Split('\n');
        }
        catch (ImageException e)
        {
            problem = e.Message;
            return arguments;
        }

        for (int at = 0; at < lines.Length && problem is null; at++)
        {
            string line = lines[at].Trim();
            if (line.Length > 0 && line[0] != '#')
            {
                arguments = Add(line, $"{path}:{at + 1}", arguments, out problem);
            }
        }

        return arguments;
    }

    private static RunArguments Add(string line, string from, RunArguments before, out string? problem)
    {
        List<string> words = OptionWords.Of(line, out problem);
        RunArguments after = before;
        int read = 0;
        problem ??= OptionReader.Read(words.ToArray(), before, out after, out read, from);
        problem ??= after switch
        {
            { Help: true } => "--help is for the command line",
            { CpuHelp: true } => "--cpu help is for the command line",
            { NoDefaults: true } => "--no-defaults is for the command line",
            _ when read < words.Count => $"{words[read]} is no option",
            _ when words.Contains("--") && read == words.Count && words[^1] == "--" => "-- is for the command line",
            _ => null,
        };
        problem = problem is null ? null : $"{from}: {problem}";
        return after;
    }
}
