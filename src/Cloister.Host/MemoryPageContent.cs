using Cloister.Architecture;
using Cloister.Images;

namespace Cloister.Host;

/// <summary>Pages whose content is in memory; zeros fill the last one up.</summary>
internal sealed class MemoryPageContent(ReadOnlyMemory<byte> bytes) : PageContent
{
    public override void Read(ulong index, Span<byte> page)
    {
        ReadOnlySpan<byte> rest = bytes.Span[(int)(index * LinearAddress.PageSize)..];
        rest = rest[..Math.Min(rest.Length, page.Length)];
        rest.CopyTo(page);
        page[rest.Length..].Clear();
    }
}
