using System.Runtime.InteropServices;

namespace Cloister.Linux;

/// <summary>/proc/PID/pagemap: which pages of a process have memory. Documentation/admin-guide/mm/pagemap.rst.</summary>
public static unsafe class PopulatedPages
{
    private const ulong Present = 1UL << 63, Swapped = 1UL << 62, PageSize = HostPage.Size;

    /// <summary>The runs of pages of a range that are present or swapped out, in order; all of it when the kernel does not tell.</summary>
    public static List<(ulong Start, ulong End)> Populated(int process, ulong start, ulong end) =>
        Populated(process, start, end, scans: true);

    /// <summary>The same, with what kernels before Linux 6.7 offer when <paramref name="scans"/> is false.</summary>
    internal static List<(ulong Start, ulong End)> Populated(int process, ulong start, ulong end, bool scans)
    {
        int descriptor = NativeMethods.Open(ProcPath.Of(process, "pagemap"), FileFlags.CloseOnExec, 0);
        if (descriptor < 0)
        {
            return [(start, end)];
        }

        try
        {
            return (scans ? Scan(descriptor, start, end) : null) ?? Read(descriptor, start, end);
        }
        finally
        {
            _ = NativeMethods.Close(descriptor);
        }
    }

    // PAGEMAP_SCAN of Linux 6.7, which passes over what is not there as a whole.
    private static List<(ulong Start, ulong End)>? Scan(int descriptor, ulong start, ulong end)
    {
        const nuint request = 0xc0606610;
        const ulong present = 1 << 3, swapped = 1 << 4, zero = 1 << 5;
        const int regions = 512;
        var runs = new List<(ulong Start, ulong End)>();
        ulong* vector = stackalloc ulong[3 * regions];
        var argument = stackalloc ulong[12];
        for (ulong at = start; at < end; at = argument[4])
        {
            // struct pm_scan_arg: size, flags, start, end, walk_end, vec, vec_len, max_pages,
            // category_inverted, category_mask, category_anyof_mask, return_mask.
            ReadOnlySpan<ulong> fields = [12 * sizeof(ulong), 0, at, end, 0, (ulong)vector, regions, 0, zero, zero, present | swapped, 0];
            fields.CopyTo(new Span<ulong>(argument, 12));
            int count = NativeMethods.Ioctl(descriptor, request, argument);
            if (count < 0 || argument[4] <= at)
            {
                return null;
            }

            for (int i = 0; i < count; i++)
            {
                Add(runs, vector[3 * i], vector[3 * i + 1]);
            }
        }

        return runs;
    }

    private static List<(ulong Start, ulong End)> Read(int descriptor, ulong start, ulong end)
    {
        var runs = new List<(ulong Start, ulong End)>();
        ulong[] entries = new ulong[1 << 15];
        for (ulong at = start; at < end;)
        {
            int count = (int)Math.Min((ulong)entries.Length, (end - at + PageSize - 1) / PageSize), read;
            fixed (ulong* p = entries)
            {
                read = (int)NativeMethods.Pread(descriptor, (byte*)p, (nuint)count * sizeof(ulong),
                    (nint)(at / PageSize * sizeof(ulong))) / sizeof(ulong);
            }

            if (read <= 0)
            {
                Add(runs, at, end);
                return runs;
            }

            for (int i = 0; i < read; i++)
            {
                int next = entries.AsSpan(i, read - i).IndexOfAnyExcept(0UL);
                if (next < 0)
                {
                    break;
                }

                i += next;
                if ((entries[i] & (Present | Swapped)) != 0)
                {
                    ulong page = at + (ulong)i * PageSize;
                    Add(runs, page, page + PageSize);
                }
            }

            at += (ulong)read * PageSize;
        }

        return runs;
    }

    private static void Add(List<(ulong Start, ulong End)> runs, ulong start, ulong end)
    {
        if (runs.Count > 0 && runs[^1].End == start)
        {
            CollectionsMarshal.AsSpan(runs)[^1].End = end;
            return;
        }

        runs.Add((start, end));
    }
}
