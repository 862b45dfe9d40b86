namespace Cloister.Cli.Kernel;

/// <summary>Where what can be made again is kept: XDG_CACHE_HOME/cloister, or ~/.cache/cloister.</summary>
internal static class CacheDirectory
{
    /// <summary>The directory, which is there then.</summary>
    /// <exception cref="KernelProblem">There can be none.</exception>
    public static string Find()
    {
        // XDG Base Directory Specification: a path that is not absolute does not count.
        string? cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        string? place = cache is { Length: > 0 } && cache[0] == '/' ? Path.Combine(cache, "cloister")
            : home is { Length: > 0 } && home[0] == '/' ? Path.Combine(home, ".cache/cloister")
            : throw new KernelProblem("there is no home directory to keep the kernel's files in: set XDG_CACHE_HOME", Failure.Unavailable);
        try
        {
            return Directory.CreateDirectory(place).FullName;
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            throw new KernelProblem($"{place}: {FileProblem.Of(place, e)}", Failure.InputOutput);
        }
    }
}
