using Cloister.Linux;

namespace Cloister.Cli.Platforms;

/// <summary>Where what stays from run to run is: XDG_STATE_HOME/cloister, or ~/.local/state/cloister.</summary>
internal static class StateDirectory
{
    /// <summary>The directory, whether it is there or not; null when there can be none.</summary>
    /// <param name="problem">Why there can be none.</param>
    public static string? Find(out string? problem)
    {
        // XDG Base Directory Specification: a path that is not absolute does not count.
        string? state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        string root = state is { Length: > 0 } && state[0] == '/' ? state
            : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        problem = root switch
        {
            "" => "there is no home directory",
            _ when root[0] != '/' => $"the home directory {root} is no full path",
            _ when root.Contains('\ufffd', StringComparison.Ordinal) => "the home directory's name is not UTF-8",

            // Under sudo it may be somebody else's, who could not read what root leaves there.
            _ when HostProbe.EffectiveUser == 0 && FileStatus.TryGet(root, out FileStatus status) == Errno.None && status.Owner != 0 =>
                $"{root} belongs to another user",
            _ => null,
        };
        return problem is null ? Path.Combine(root, root == state ? "cloister" : ".local/state/cloister") : null;
    }
}
