using System.Runtime.InteropServices;
using Cloister.Engine.Platforms;
using Cloister.Linux;

namespace Cloister.Engine.Memory;

/// <summary>Pages of a private mapping of a file that are the file's own still.</summary>
/// <remarks>The kernel maps sixteen of a program's pages where one is executed, and a whole library's in the end; mprotect goes from page
/// to page, some 25 ns each. What is dropped comes back from the page cache as it is executed again.</remarks>
internal static class CleanPages
{
    private const ulong DontNeed = 4;

    // Bits of a page's entry: Documentation/admin-guide/mm/pagemap.rst.
    private const ulong Present = 1UL << 63, Swapped = 1UL << 62, OfFile = 1UL << 61;

    /// <summary>Adds the calls that drop those of a range. The process's threads stand until they are made.</summary>
    public static void AddDropCalls(RemoteCalls calls, int thread, ulong start, ulong end)
    {
        using HostFile? pagemap = HostFile.TryOpen(ProcPath.Of(thread, "pagemap"), out _);
        ulong[] entries = new ulong[(end - start) >> 12];
        if (pagemap?.TryReadExactly(MemoryMarshal.AsBytes(entries.AsSpan()), (long)(start >> 12) * 8) != true)
        {
            return;
        }

        int first = 0;
        bool any = false;
        for (int i = 0; i <= entries.Length; i++)
        {
            if (i < entries.Length && (entries[i] & Swapped) == 0 && ((entries[i] & Present) == 0 || (entries[i] & OfFile) != 0))
            {
                any |= (entries[i] & Present) != 0;
                continue;
            }

            if (any)
            {
                calls.Add(SystemCall.Madvise, start + ((ulong)first << 12), (ulong)(i - first) << 12, DontNeed);
            }

            (first, any) = (i + 1, false);
        }
    }
}
