using Cloister.Architecture;

namespace Cloister.Images;

// What a loader wrote into its copy of the image in memory, over what the file has there. Later writes win.
internal sealed class OverlaidPageContent(PageContent content, ulong runOffset, IReadOnlyList<(ulong Address, ReadOnlyMemory<byte> Bytes)> writes) : PageContent
{
    public override void Read(ulong index, Span<byte> page)
    {
        content.Read(index, page);
        ulong start = runOffset + (index * LinearAddress.PageSize);
        ulong end = start + (ulong)page.Length;
        foreach ((ulong address, ReadOnlyMemory<byte> bytes) in writes)
        {
            ulong from = Math.Max(address, start);
            ulong to = Math.Min(address + (ulong)bytes.Length, end);
            if (from < to)
            {
                bytes.Span[(int)(from - address)..(int)(to - address)].CopyTo(page[(int)(from - start)..]);
            }
        }
    }
}
