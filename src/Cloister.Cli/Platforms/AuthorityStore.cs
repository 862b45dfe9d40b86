using Cloister.Attestation;
using Cloister.Attestation.Certificates;

namespace Cloister.Cli.Platforms;

/// <summary>
/// The user's development authority: made at the first need, and the same ever since. Root, authorities and keys are one file, the user's
/// alone.
/// </summary>
internal static class AuthorityStore
{
    /// <summary>Where it is, or why it can be nowhere.</summary>
    public static string? Path(out string? problem) => StateDirectory.Find(out problem) is { } state
        ? System.IO.Path.Combine(state, "authority", "authority.pem") : null;

    /// <summary>Reads it, or makes it.</summary>
    /// <exception cref="PlatformProblem">It is damaged, or cannot be kept.</exception>
    public static DevelopmentAuthority Take()
    {
        if (Path(out string? problem) is not { } path)
        {
            throw new PlatformProblem($"the development root cannot be kept: {problem}; XDG_STATE_HOME=DIRECTORY says where it can",
                Failure.InputOutput);
        }

        try
        {
            if (!File.Exists(path))
            {
                var made = DevelopmentAuthority.Create();
                if (PrivateFile.TryCreate(path, System.Text.Encoding.ASCII.GetBytes(made.Write())))
                {
                    return made;
                }
            }

            return DevelopmentAuthority.Read(File.ReadAllText(path));
        }
        catch (AttestationException wrong)
        {
            throw new PlatformProblem($"{path}: {wrong.Message}", Failure.NotRunnable);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PlatformProblem($"{path}: {FileProblem.Of(path, e)}", Failure.InputOutput);
        }
    }

    /// <summary>Reads it, or makes one of this run only.</summary>
    /// <param name="notice">Hears in one line when it is of this run only, and why.</param>
    public static DevelopmentAuthority Take(Action<string> notice)
    {
        try
        {
            return Take();
        }
        catch (PlatformProblem problem)
        {
            notice($"the development root is of this run only, and no verifier knows it: {problem.Message}");
            return DevelopmentAuthority.Create();
        }
    }
}
