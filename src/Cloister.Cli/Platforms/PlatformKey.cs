using System.Security.Cryptography;

namespace Cloister.Cli.Platforms;

/// <summary>
/// The root key of this user's machine, which stays from run to run, so that sealed files open at the next:
/// XDG_STATE_HOME/cloister/platforms/NAME/root-key.
/// </summary>
internal static class PlatformKey
{
    /// <summary>The platform that is used when none is named.</summary>
    public const string Default = "default";

    /// <summary>The one that no other run has.</summary>
    public const string New = "new";

    private const int Length = 32;

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
    public static string? Path(out string? problem) => StateDirectory.Find(out problem) is { } state
        ? PlatformStore.KeyFile(state, Default) : null;

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
        byte[] key = RandomNumberGenerator.GetBytes(Length);
        return PrivateFile.TryCreate(path, key) ? key : File.ReadAllBytes(path);
    }
}
