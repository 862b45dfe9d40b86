using System.Security.Cryptography;
using Cloister.Cli.Commands;
using Cloister.Linux;

namespace Cloister.Cli;

/// <summary>The root key of this user's machine, which stays from run to run, so that sealed files open at the next: XDG_STATE_HOME/cloister/platforms/NAME/root-key.</summary>
internal static class PlatformKey
{
    /// <summary>The platform that is used when none is named.</summary>
    public const string Default = "default";

    /// <summary>The one that no other run has.</summary>
    public const string New = "new";

    private const int Length = 32;
    private const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite, OwnersDirectory = OwnersFile | UnixFileMode.UserExecute;

    /// <summary>Reads the key, or makes it.</summary>
    /// <param name="notice">Hears in one line when the key is of this run only, and why.</param>
    public static byte[] Take(Action<string> notice)
    {
        byte[]? key = TryTake(out string? problem);
        if (key is null)
        {
            notice($"the machine's keys are of this run only, and what it seals opens at no other: {problem}; XDG_STATE_HOME=DIRECTORY or --seed TEXT makes them stay");
        }

        return key ?? RandomNumberGenerator.GetBytes(Length);
    }

    /// <summary>Where the key is, or why it can be nowhere.</summary>
    public static string? Path(out string? problem)
    {
        // XDG Base Directory Specification: a path that is not absolute does not count.
        string? state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        string root = state is { Length: > 0 } && state[0] == '/' ? state : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        problem = root switch
        {
            "" => "there is no home directory",
            _ when root[0] != '/' => $"the home directory {root} is no full path",
            _ when root.Contains('\ufffd', StringComparison.Ordinal) => "the home directory's name is not UTF-8",

            // Under sudo it may be somebody else's, who could not read what root leaves there.
            _ when HostProbe.EffectiveUser == 0 && FileStatus.TryGet(root, out FileStatus status) == Errno.None && status.Owner != 0 => $"{root} belongs to another user",
            _ => null,
        };
        string below = root == state ? "cloister" : ".local/state/cloister";
        return problem is null ? System.IO.Path.Combine(root, below, "platforms", Default, "root-key") : null;
    }

    private static byte[]? TryTake(out string? problem)
    {
        if (Path(out problem) is not { } path)
        {
            return null;
        }

        try
        {
            byte[] key = File.Exists(path) ? File.ReadAllBytes(path) : Make(path);
            problem = key.Length == Length ? null : $"{path} has {key.Length} bytes and not {Length}";
            return problem is null ? key : null;
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            problem = $"{path}: {FileProblem.Of(path, e)}";
            return null;
        }
    }

    // The file appears whole, and never twice: of two runs that make it at once the second takes what the first one made.
    private static byte[] Make(string path)
    {
        string directory = System.IO.Path.GetDirectoryName(path)!;
        _ = Directory.CreateDirectory(directory, OwnersDirectory);
        byte[] key = RandomNumberGenerator.GetBytes(Length);
        string temporary = System.IO.Path.Combine(directory, $".root-key.{Environment.ProcessId}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}");
        try
        {
            using (var file = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnersFile }))
            {
                file.Write(key);
                file.Flush(flushToDisk: true);
            }

            return HostFile.MoveWithoutReplacing(temporary, path) switch
            {
                Errno.None => key,
                Errno.EEXIST => File.ReadAllBytes(path),
                var error => throw new IOException(error.ToString(), (int)error),
            };
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
