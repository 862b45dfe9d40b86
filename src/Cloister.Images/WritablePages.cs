using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>Relocations make their pages writable. intel/linux-sgx, psw/urts/loader.cpp, is_relocation_page.</summary>
internal static class WritablePages
{
    /// <summary>
    /// A run in parts, those pages writable whose numbers are given. There are as many parts as the numbers make, however large the run.
    /// </summary>
    public static IEnumerable<PageRun> MadeWritable(this PageRun run, IReadOnlySet<ulong> relocated)
    {
        if ((run.Flags & SecinfoFlags.W) != 0)
        {
            yield return run;
            yield break;
        }

        ulong first = run.Offset / LinearAddress.PageSize;
        ulong done = 0;
        foreach (ulong page in relocated.Where(page => page >= first && page - first < run.Count).Order())
        {
            ulong at = page - first;
            if (at > done)
            {
                yield return Part(run, done, at - done);
            }

            yield return Part(run, at, 1) with { Flags = run.Flags | SecinfoFlags.W };
            done = at + 1;
        }

        if (done < run.Count)
        {
            yield return Part(run, done, run.Count - done);
        }
    }

    private static PageRun Part(PageRun run, ulong from, ulong count)
        => run with
        {
            Offset = run.Offset + (from * LinearAddress.PageSize),
            Count = count,
            Content = from == 0 ? run.Content : new ShiftedPageContent(run.Content, from),
        };

    private sealed class ShiftedPageContent(PageContent content, ulong by) : PageContent
    {
        public override void Read(ulong index, Span<byte> page) => content.Read(index + by, page);
    }
}
