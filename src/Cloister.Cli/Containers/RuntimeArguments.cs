namespace Cloister.Cli.Containers;

/// <summary>The command line of an OCI runtime, as far as what stands in front of one has to know it: runc(8), crun(1).</summary>
internal sealed record RuntimeArguments
{
    // Options whose value is the next word, by runc's and crun's manuals. What is not here is taken for a flag.
    private static readonly string[] s_ofAll = ["log", "log-format", "log-level", "root", "criu", "rootless", "cgroup-manager"];
    private static readonly string[] s_ofCreate = ["bundle", "b", "console-socket", "pid-file", "preserve-fds", "config", "f"];
    private static readonly string[] s_ofExec =
        ["console-socket", "cwd", "env", "e", "user", "u", "additional-gids", "g", "process", "p", "pid-file", "process-label", "apparmor",
            "cap", "c", "preserve-fds", "cgroup", "sub-cgroup"];

    /// <summary>Create, run or exec; another command's name, which is none of ours; null where there is none.</summary>
    public string? Command { get; init; }

    /// <summary>Where the command stands.</summary>
    public int CommandAt { get; init; }

    /// <summary>Options before the command and behind it, without dashes.</summary>
    public IReadOnlyDictionary<string, string> Options { get; init; } = new Dictionary<string, string>();

    /// <summary>The container's name; null where there is none.</summary>
    public string? Container { get; init; }

    /// <summary>Where a program to be executed begins; the number of words where there is none.</summary>
    public int ProgramAt { get; init; }

    /// <summary>An option by its long and its short name.</summary>
    public string? Option(string name, string letter) => Options.TryGetValue(name, out string? value)
        || Options.TryGetValue(letter, out value) ? value : null;

    /// <summary>Reads it.</summary>
    /// <param name="words">The words behind the runtime's name.</param>
    public static RuntimeArguments Read(IReadOnlyList<string> words)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        int at = Skip(words, 0, s_ofAll, options);
        if (at >= words.Count)
        {
            return new RuntimeArguments { Options = options, CommandAt = at, ProgramAt = words.Count };
        }

        string command = words[at];
        int behind = Skip(words, at + 1, command == "exec" ? s_ofExec : s_ofCreate, options);
        return new RuntimeArguments
        {
            Command = command,
            CommandAt = at,
            Options = options,
            Container = behind < words.Count ? words[behind] : null,
            ProgramAt = command == "exec" ? Program(words, behind + 1) : words.Count,
        };
    }

    // Up to the first word that is no option.
    private static int Skip(IReadOnlyList<string> words, int at, string[] withValue, Dictionary<string, string> options)
    {
        for (; at < words.Count && words[at].StartsWith('-') && words[at].Length > 1; at++)
        {
            if (words[at] == "--")
            {
                return at + 1;
            }

            // runc takes one dash for two.
            string[] parts = words[at].TrimStart('-').Split('=', 2);
            if (parts.Length == 2)
            {
                options[parts[0]] = parts[1];
            }
            else if (Array.IndexOf(withValue, parts[0]) >= 0 && at + 1 < words.Count)
            {
                options[parts[0]] = words[++at];
            }
        }

        return at;
    }

    private static int Program(IReadOnlyList<string> words, int at) => at < words.Count && words[at] == "--" ? at + 1
        : int.Min(at, words.Count);
}
