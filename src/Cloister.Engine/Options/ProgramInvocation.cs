using System.Text;
using Cloister.Linux;

namespace Cloister.Engine.Options;

/// <summary>What execve(2) is to be given for the first program. Bytes, because names and values need not be UTF-8.</summary>
public sealed record ProgramInvocation
{
    /// <summary>The program's file.</summary>
    public required ReadOnlyMemory<byte> Path { get; init; }

    /// <summary>argv, without terminators.</summary>
    public required IReadOnlyList<byte[]> Arguments { get; init; }

    /// <summary>envp, each NAME=VALUE without terminator.</summary>
    public required IReadOnlyList<byte[]> Environment { get; init; }

    /// <summary>Limits it gets in place of this process's, which were raised for this process's own needs.</summary>
    public IReadOnlyList<ResourceLimit> Limits { get; init; } = [];

    /// <summary>A program by name, found in PATH, with the environment that this process was started with.</summary>
    /// <param name="command">Name and arguments.</param>
    public static ProgramInvocation Of(IReadOnlyList<string> command)
    {
        ArgumentNullException.ThrowIfNull(command);
        var arguments = new List<byte[]>();
        foreach (string argument in command)
        {
            arguments.Add(Encoding.UTF8.GetBytes(argument));
        }

        return new ProgramInvocation
        {
            Path = Encoding.UTF8.GetBytes(ProgramPath.Find(command[0]) ?? command[0]),
            Arguments = arguments,
            Environment = Strings("/proc/self/environ"),
        };
    }

    /// <summary>Reads a file of zero-terminated strings, as /proc/self/cmdline and /proc/self/environ are.</summary>
    public static List<byte[]> Strings(string path)
    {
        // Lists of arrays, here and above: the runtime has their code compiled, which a start feels.
        var strings = new List<byte[]>();
        ReadOnlySpan<byte> rest = HostFile.TryRead(path) ?? throw new IOException($"{path} cannot be read");
        while (rest.Length > 0)
        {
            int end = rest.IndexOf((byte)0);
            end = end < 0 ? rest.Length : end;
            strings.Add(rest[..end].ToArray());
            rest = rest[Math.Min(end + 1, rest.Length)..];
        }

        return strings;
    }
}
