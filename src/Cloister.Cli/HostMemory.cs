using System.Globalization;

namespace Cloister.Cli;

/// <summary>How much memory can back an EPC.</summary>
/// <param name="Total">Memory and swap space, or the limit of the control group where that is less. Bytes.</param>
/// <param name="Available">What the kernel thinks is to be had now. Bytes.</param>
/// <param name="LimitedByGroup">Whether <paramref name="Total"/> is a control group's limit.</param>
internal readonly record struct HostMemory(long Total, long Available, bool LimitedByGroup)
{
    /// <summary>Reads /proc/meminfo and the limit of the control group, version 2 or 1.</summary>
    public static HostMemory Read()
    {
        long total = 0, available = 0;
        foreach (string line in File.ReadLines("/proc/meminfo"))
        {
            if (line.StartsWith("MemTotal:", StringComparison.Ordinal) || line.StartsWith("SwapTotal:", StringComparison.Ordinal))
            {
                total += KibiBytes(line);
            }
            else if (line.StartsWith("MemAvailable:", StringComparison.Ordinal))
            {
                available = KibiBytes(line);
            }
        }

        return Limit() is { } limit && limit < total ? new HostMemory(limit, Math.Min(available, limit), true) : new HostMemory(total, available, false);
    }

    private static long KibiBytes(string line)
    {
        ReadOnlySpan<char> text = line.AsSpan(line.IndexOf(':', StringComparison.Ordinal) + 1).Trim();
        int end = text.IndexOf(' ');
        return long.Parse(end < 0 ? text : text[..end], NumberStyles.None, CultureInfo.InvariantCulture) * 1024;
    }

    // A group's limit is the least of its own and its ancestors'.
    private static long? Limit()
    {
        long? least = null;
        try
        {
            foreach (string line in File.ReadLines("/proc/self/cgroup"))
            {
                string[] parts = line.Split(':', 3);
                (string root, string file) = parts[1].Length == 0
                    ? ("/sys/fs/cgroup", "memory.max")
                    : ("/sys/fs/cgroup/memory", "memory.limit_in_bytes");
                if (parts[1].Length > 0 && !parts[1].Split(',').Contains("memory"))
                {
                    continue;
                }

                for (string path = parts[2]; ; path = Path.GetDirectoryName(path) ?? "/")
                {
                    string limit = Path.Join(root, path, file);
                    if (File.Exists(limit) && long.TryParse(File.ReadAllText(limit).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long value))
                    {
                        least = Math.Min(least ?? value, value);
                    }

                    if (path is "/" or "")
                    {
                        break;
                    }
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No control groups to be seen.
        }

        return least;
    }
}
