namespace Cloister.Linux;

/// <summary>Finds programs by name as execvp(3) does.</summary>
public static class ProgramPath
{
    /// <summary>The file of a program: the name itself when it has a slash, else the first in PATH that this user may execute.</summary>
    /// <returns>A path, of a file that may be executed if there is one; null when PATH has none of that name.</returns>
    public static string? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Contains('/', StringComparison.Ordinal))
        {
            return name;
        }

        string? fallback = null;
        foreach (string directory in (Environment.GetEnvironmentVariable("PATH") ?? "/usr/local/bin:/usr/bin:/bin").Split(':'))
        {
            string candidate = Path.Join(directory.Length == 0 ? "." : directory, name);
            if (FileStatus.TryGet(candidate, out FileStatus status) == Errno.None && !status.IsDirectory)
            {
                if (FileStatus.MayExecute(candidate))
                {
                    return candidate;
                }

                fallback ??= candidate;
            }
        }

        return fallback;
    }
}
