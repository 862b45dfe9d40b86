using Cloister.Linux;

namespace Cloister.Cli;

/// <summary>
/// The limits that this process was started with and cannot live under. It raises them for itself as far as this user may; a program that
/// it runs has its own back. Under <c>dotnet</c> the script <c>cloister</c> does this before, for the runtime needs more than this program.
/// </summary>
internal static class OwnLimits
{
    private const int FileSize = 1, Processes = 6, AddressSpace = 9; // uapi asm-generic/resource.h
    private const ulong NeededFiles = 64, RaisedFiles = 1024, NeededThreads = 8, NeededSpace = 512 << 20;
    private static readonly List<ResourceLimit> s_original = [];

    /// <summary>As they were, those that were raised.</summary>
    public static IReadOnlyList<ResourceLimit> Original => s_original;

    /// <summary>Raises them.</summary>
    /// <returns>What is too low and cannot be raised; null when all is well.</returns>
    public static string? Raise()
    {
        if (!File.Exists("/proc/self/stat"))
        {
            return "/proc is not mounted, and Cloister needs it to see into the programs it runs";
        }

        // Its memory and the enclaves' are files as large as address spaces.
        if (Raise(FileSize, ulong.MaxValue) is { Soft: not ulong.MaxValue } size)
        {
            return $"the limit of file sizes is {size.Hard} bytes (ulimit -f), and Cloister needs it unlimited";
        }

        // The default EPC keeps to what there is.
        if (Raise(AddressSpace, ulong.MaxValue) is { Soft: < NeededSpace } space)
        {
            return $"the limit of address space is {space.Hard} bytes (ulimit -v), and Cloister needs {NeededSpace >> 20} MiB";
        }

        // Root may exceed it.
        if (Raise(Processes, NeededThreads) is { Soft: < NeededThreads } processes && !Environment.IsPrivilegedProcess)
        {
            return $"the limit of processes is {processes.Hard} (ulimit -u), and Cloister needs {NeededThreads} threads";
        }

        return Raise(ResourceLimit.OpenFiles, RaisedFiles) is { Soft: < NeededFiles } files
            ? $"the limit of open files is {files.Hard} (ulimit -n), and Cloister needs {NeededFiles}" : null;
    }

    // Up to the hard limit; beyond it, where it is lower than what is wanted, as far as root may. What there is then.
    private static ResourceLimit? Raise(int resource, ulong wanted)
    {
        if (ResourceLimit.Of(0, resource) is not { } limit || limit.Soft >= ulong.Max(wanted, limit.Hard))
        {
            return null;
        }

        s_original.Add(limit);
        ulong hard = ulong.Max(limit.Hard, wanted);
        return new ResourceLimit(resource, hard, hard).Apply(0) || new ResourceLimit(resource, limit.Hard, limit.Hard).Apply(0)
            ? ResourceLimit.Of(0, resource) : limit;
    }
}
