using System.Text;
using Cloister.Linux;

namespace Cloister.Cli;

/// <summary>How much memory can back an EPC.</summary>
/// <param name="Total">Memory and swap space, or the limit of the control group where that is less. Bytes.</param>
/// <param name="Available">What the kernel thinks is to be had now. Bytes.</param>
/// <param name="LimitedByGroup">Whether <paramref name="Total"/> is a control group's limit.</param>
/// <param name="Physical">Memory without swap space, or the limit. Bytes.</param>
/// <param name="Space">Address space that RLIMIT_AS leaves this process. Bytes.</param>
internal readonly record struct HostMemory(long Total, long Available, bool LimitedByGroup, long Physical, long Space)
{
    private const long LeastEpc = 128 << 20, MostEpc = 64L << 30;

    /// <summary>
    /// The EPC that is taken when none is asked for: half of the memory, as the largest that firmware offers on servers, between 128 MiB
    /// and 64 GiB. Its pages cost memory as they are used, and a page that is evicted costs as much, so a smaller one would save nothing.
    /// Not more than half of the address space that is left, for the EPC is mapped as a whole.
    /// </summary>
    public long DefaultEpc
    {
        get
        {
            long half = Math.Clamp(Math.Min(Physical, Space) / 2, LeastEpc, MostEpc);
            return Math.Max(Math.Min(half, Total) >> 20, 1) << 20;
        }
    }

    /// <summary>Reads /proc/meminfo and the limit of the control group, version 2 or 1.</summary>
    public static HostMemory Read()
    {
        ReadOnlySpan<byte> text = HostFile.TryRead("/proc/meminfo");
        long physical = KibiBytes(text, "MemTotal:"u8), total = physical + KibiBytes(text, "SwapTotal:"u8);
        long available = KibiBytes(text, "MemAvailable:"u8);
        return Limit() is { } limit && limit < total
            ? new HostMemory(limit, Math.Min(available, limit), true, Math.Min(physical, limit), SpaceLeft())
            : new HostMemory(total, available, false, physical, SpaceLeft());
    }

    private static long KibiBytes(ReadOnlySpan<byte> text, ReadOnlySpan<byte> name) =>
        (long)(ProcText.Number(ProcText.Field(text, name)) ?? 0) * 1024;

    private static long SpaceLeft()
    {
        const int addressSpace = 9; // RLIMIT_AS
        return ResourceLimit.Of(0, addressSpace) is { Soft: <= (ulong)long.MaxValue } limit
            ? (long)limit.Soft - KibiBytes(HostFile.TryRead("/proc/self/status"), "VmSize:"u8)
            : long.MaxValue;
    }

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
            (string root, string file) = controllers.IsEmpty ? ("/sys/fs/cgroup", "memory.max")
                : ("/sys/fs/cgroup/memory", "memory.limit_in_bytes");
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
