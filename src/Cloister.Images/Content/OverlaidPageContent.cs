using Cloister.Architecture;

namespace Cloister.Images;

// What a loader wrote into its copy of the image in memory, over what the file has there. Later writes win.
internal sealed class OverlaidPageContent(PageContent content, ulong runOffset,
    IReadOnlyList<(ulong Address, ReadOnlyMemory<byte> Bytes)> writes) : PageContent
{
    public override void Read(ulong index, Span<byte> page)
    {
        content.Read(index, page);
        ulong start = runOffset + (index * LinearAddress.PageSize);
        ulong end = start + (ulong)page.Length;

        // By index: this runs for every page, and an enumerator would be an object each time.
        for (int i = 0; i < writes.Count; i++)
        {
            (ulong address, ReadOnlyMemory<byte> bytes) = writes[i];
            ulong from = Math.Max(address, start);
            ulong to = Math.Min(address + (ulong)bytes.Length, end);
            if (from < to)
            {
                bytes.Span[(int)(from - address)..(int)(to - address)].CopyTo(page[(int)(from - start)..]);
            }
        }
    }
}
