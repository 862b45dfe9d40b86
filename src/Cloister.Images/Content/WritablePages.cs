using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>Relocations make their pages writable. intel/linux-sgx, psw/urts/loader.cpp, is_relocation_page.</summary>
internal static class WritablePages
{
    /// <summary>A run in parts, those pages writable whose numbers are given.</summary>
    public static IEnumerable<PageRun> MadeWritable(this PageRun run, IReadOnlySet<ulong> relocated)
    {
        if ((run.Flags & SecinfoFlags.W) != 0)
        {
            yield return run;
            yield break;
        }

        for (ulong i = 0; i < run.Count; i++)
        {
            ulong offset = run.Offset + (i * LinearAddress.PageSize);
            bool isRelocated = relocated.Contains(offset / LinearAddress.PageSize);
            yield return run with { Offset = offset, Count = 1, Flags = isRelocated ? run.Flags | SecinfoFlags.W : run.Flags, Content = new ShiftedPageContent(run.Content, i) };
        }
    }

    private sealed class ShiftedPageContent(PageContent content, ulong by) : PageContent
    {
        public override void Read(ulong index, Span<byte> page) => content.Read(index + by, page);
    }
}
