using Cloister.Linux;

namespace Cloister.Engine.Memory;

/// <summary>The parts of a program's memory that can hold code because somebody wrote there: found without reading
/// what nobody did.</summary>
/// <remarks>Runtimes that compile reserve gigabytes of memory or of a file, and make them executable before they use them.</remarks>
internal static class WrittenMemory
{
    // Less is read whole.
    private const ulong Large = 1 << 20;

    /// <summary>The parts of a range of memory, in order.</summary>
    public static IEnumerable<(ulong Start, ulong End)> Within(int process, ulong start, ulong end)
    {
        if (end - start <= Large)
        {
            return [(start, end)];
        }

        return (MapsLine.Of(process) ?? [])
            .Where(line => line.Start < end && start < line.End)
            .SelectMany(line => WithinMapping(process, line, Math.Max(start, line.Start), Math.Min(end, line.End)));
    }

    /// <summary>The parts of a range of a file, in order; a device has none that could be told.</summary>
    /// <param name="path">The file.</param>
    /// <param name="start">First byte.</param>
    /// <param name="end">Behind the last byte.</param>
    public static IEnumerable<(ulong Start, ulong End)> WithinFile(string path, ulong start, ulong end)
    {
        const uint kind = 0xf000, regular = 0x8000, block = 0x6000; // S_IFMT, S_IFREG, S_IFBLK
        if (HostKernel.TryStat(path, out _, out _, out uint mode) && (mode & kind) is not (regular or block))
        {
            yield break;
        }

        using HostFile? file = end - start > Large ? HostFile.TryOpen(path, out _) : null;
        if (file is null)
        {
            yield return (start, end);
            yield break;
        }

        for (ulong at = start; at < end && file.NextData((long)at) is (long from, long to) && (ulong)from < end; at = (ulong)to)
        {
            yield return (HostPage.Start((ulong)from), Math.Min(HostPage.Whole((ulong)to), end));
        }
    }

    private static IEnumerable<(ulong Start, ulong End)> WithinMapping(int process, MapsLine line, ulong start, ulong end)
    {
        if (end - start <= Large)
        {
            return [(start, end)];
        }

        if (line.Inode == 0)
        {
            return PopulatedPages.Populated(process, start, end);
        }

        // What a private mapping has of its own is present, or swapped out; the rest is the file's.
        ulong offset = line.Offset - line.Start;
        return PathOf(process, line) is { } path
            ? Union(PopulatedPages.Populated(process, start, end),
                WithinFile(path, unchecked(start + offset), unchecked(end + offset))
                    .Select(part => (Start: unchecked(part.Start - offset), End: unchecked(part.End - offset))))
            : [(start, end)];
    }

    // The file of a mapping as this process can open it, though it may have no name any more; null when it cannot.
    private static string? PathOf(int process, MapsLine line)
    {
        string named = ProcPath.Of(process, "root" + line.Path);
        if (FileIdentity.TryGet(named, out FileIdentity file) && file.Inode == line.Inode)
        {
            return named;
        }

        string mapped = ProcPath.Of(process, string.Concat("map_files/", line.Start.ToString("x", provider: null), "-",
            line.End.ToString("x", provider: null)));
        if (IsFile(mapped))
        {
            return mapped;
        }

        try
        {
            return Directory.EnumerateFiles(ProcPath.Of(process, "fd")).FirstOrDefault(IsFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        bool IsFile(string path) => FileIdentity.TryGet(path, out FileIdentity file) && file.Inode == line.Inode
            && file.Device == line.Device;
    }

    private static List<(ulong Start, ulong End)> Union(IEnumerable<(ulong Start, ulong End)> some,
        IEnumerable<(ulong Start, ulong End)> others)
    {
        var union = new List<(ulong Start, ulong End)>();
        foreach ((ulong start, ulong end) in some.Concat(others).OrderBy(part => part.Start))
        {
            if (union.Count > 0 && start <= union[^1].End)
            {
                union[^1] = (union[^1].Start, Math.Max(union[^1].End, end));
            }
            else
            {
                union.Add((start, end));
            }
        }

        return union;
    }
}
