using System.Text;
using Cloister.Linux;

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
        ReadOnlySpan<byte> text = HostFile.TryRead("/proc/meminfo");
        long total = KibiBytes(text, "MemTotal:"u8) + KibiBytes(text, "SwapTotal:"u8);
        long available = KibiBytes(text, "MemAvailable:"u8);
        return Limit() is { } limit && limit < total ? new HostMemory(limit, Math.Min(available, limit), true) : new HostMemory(total, available, false);
    }

    private static long KibiBytes(ReadOnlySpan<byte> text, ReadOnlySpan<byte> name) => (long)(ProcText.Number(ProcText.Field(text, name)) ?? 0) * 1024;

    // A group's limit is the least of its own and its ancestors'.
    private static long? Limit()
    {
        long? least = null;
        ReadOnlySpan<byte> text = HostFile.TryRead("/proc/self/cgroup");
        while (!text.IsEmpty)
        {
            // Hierarchy, controllers, path. cgroups(7).
            ReadOnlySpan<byte> line = ProcText.TakeLine(ref text);
            _ = ProcText.Take(ref line, (byte)':');
            ReadOnlySpan<byte> controllers = ProcText.Take(ref line, (byte)':');
            (string root, string file) = controllers.IsEmpty ? ("/sys/fs/cgroup", "memory.max") : ("/sys/fs/cgroup/memory", "memory.limit_in_bytes");
            if (!controllers.IsEmpty && !HasMemory(controllers))
            {
                continue;
            }

            for (string path = Encoding.UTF8.GetString(line); ; path = Path.GetDirectoryName(path) ?? "/")
            {
                // Without a limit it is "max".
                if (ProcText.Number(HostFile.TryRead(Path.Join(root, path, file))) is { } value and <= (ulong)long.MaxValue)
                {
                    least = Math.Min(least ?? long.MaxValue, (long)value);
                }

                if (path is "/" or "")
                {
                    break;
                }
            }
        }

        return least;
    }

    private static bool HasMemory(ReadOnlySpan<byte> controllers)
    {
        while (!controllers.IsEmpty)
        {
            if (ProcText.Take(ref controllers, (byte)',').SequenceEqual("memory"u8))
            {
                return true;
            }
        }

        return false;
    }
}
