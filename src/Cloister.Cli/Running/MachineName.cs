using Cloister.Linux;

namespace Cloister.Cli.Running;

/// <summary>
/// What a machine is found by: a name, which is this user's in this network namespace and goes with the machine, or the path of a socket.
/// </summary>
/// <param name="Text">As it is written.</param>
internal sealed record MachineName(string Text)
{
    private const int LongestName = 64;

    /// <summary>Whether it is a path.</summary>
    public bool IsPath => Text.Contains('/', StringComparison.Ordinal);

    /// <summary>Where it listens. A zero in front is an abstract name: unix(7).</summary>
    public string Address => IsPath ? Path.GetFullPath(Text) : $"\0cloister-machine-{HostProbe.EffectiveUser}-{Text}";

    /// <summary>What is wrong with it; null for nothing.</summary>
    public static string? Problem(string text) => text switch
    {
        "" => "a name is needed, and it is empty",
        _ when text.Contains('\0', StringComparison.Ordinal) => "that is no name",
        _ when text.Contains('/', StringComparison.Ordinal) =>
            System.Text.Encoding.UTF8.GetByteCount(Path.GetFullPath(text)) > LocalListener.LongestPath
            ? $"a socket's path has {LocalListener.LongestPath} bytes at most" : null,
        { Length: > LongestName } => $"a name has {LongestName} characters at most",
        _ when !text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-') =>
            "a name has letters, digits, '.', '_' and '-'; a path has a '/'",
        _ => null,
    };
}
