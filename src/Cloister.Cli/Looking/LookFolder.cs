using System.Globalization;
using Cloister.Linux;

namespace Cloister.Cli.Looking;

/// <summary>Where the sockets of this user's runs are: XDG_RUNTIME_DIR/cloister, or /tmp/cloister-UID. Nobody else can enter it.</summary>
internal static class LookFolder
{
    private const string Suffix = ".sock";

    // Permission bits of group and others.
    private const uint OthersMode = 0x3f;

    /// <summary>The folders in which there may be sockets, the one for new ones first.</summary>
    public static IReadOnlyList<string> All
    {
        get
        {
            uint user = HostProbe.EffectiveUser;
            string? runtime = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");

            // XDG Base Directory Specification: a path that is not absolute does not count. Under sudo it may be somebody else's.
            bool counts = runtime is ['/', ..] && FileStatus.TryGet(runtime, out FileStatus status) == Errno.None && status.IsDirectory
                && status.Owner == user;
            string shared = string.Create(CultureInfo.InvariantCulture, $"/tmp/cloister-{user}");
            return counts && Path.Combine(runtime!, "cloister") is { } own
                && System.Text.Encoding.UTF8.GetByteCount(FileOf(own, int.MaxValue)) < LocalListener.LongestPath ? [own, shared] : [shared];
        }
    }

    /// <summary>The socket of a process.</summary>
    public static string FileOf(string folder, int process) =>
        Path.Combine(folder, process.ToString(CultureInfo.InvariantCulture) + Suffix);

    /// <summary>Makes a folder, if it is not there.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    public static string? Make(string folder)
    {
        Errno error = HostFile.MakePrivateDirectory(folder);
        return error is not (Errno.None or Errno.EEXIST) ? $"{folder}: {error}" : IsPrivate(folder) ? null
            : $"{folder} is not this user's alone";
    }

    /// <summary>
    /// Whether a folder is there, is this user's, and nobody else may look or write into it. What a link leads to is not.
    /// </summary>
    public static bool IsPrivate(string folder) => FileStatus.TryGetOfLink(folder, out FileStatus status) == Errno.None
        && status.IsDirectory && status.Owner == HostProbe.EffectiveUser && (status.Mode & OthersMode) == 0;

    /// <summary>The sockets in the folders: whose, and where. Of a process there is one.</summary>
    public static SortedDictionary<int, string> Sockets()
    {
        var found = new SortedDictionary<int, string>();
        foreach (string folder in All.Where(IsPrivate))
        {
            try
            {
                foreach (string file in Directory.EnumerateFileSystemEntries(folder, "*" + Suffix))
                {
                    if (int.TryParse(Path.GetFileNameWithoutExtension(file), NumberStyles.None, CultureInfo.InvariantCulture,
                        out int process))
                    {
                        _ = found.TryAdd(process, file);
                    }
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Its last socket went, and it with it.
            }
        }

        return found;
    }

    /// <summary>Takes a socket away, and its folder where it was the last.</summary>
    public static void Remove(string socket)
    {
        _ = HostFile.Unlink(socket);
        _ = HostFile.RemoveDirectory(Path.GetDirectoryName(socket)!);
    }
}
