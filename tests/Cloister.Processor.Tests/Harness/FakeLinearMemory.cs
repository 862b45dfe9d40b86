using Cloister.Architecture;

namespace Cloister.Processor.Tests.Harness;

/// <summary>Page tables as a dictionary.</summary>
internal sealed class FakeLinearMemory : ILinearMemory
{
    private readonly Dictionary<LinearAddress, PageWalk> pages = [];
    private readonly HashSet<(LinearAddress, AccessKind)> denied = [];

    public void Map(LinearAddress address, EpcPage page) => pages[address.PageBase] = PageWalk.Epc(page);

    public void MapOrdinary(LinearAddress address) => pages[address.PageBase] = PageWalk.Ordinary;

    public void Unmap(LinearAddress address) => pages.Remove(address.PageBase);

    public void Deny(LinearAddress address, AccessKind access) => denied.Add((address.PageBase, access));

    public PageWalk Walk(LinearAddress address, AccessKind access)
    {
        if (!pages.TryGetValue(address.PageBase, out PageWalk walk))
        {
            return PageWalk.NotPresent;
        }

        return denied.Contains((address.PageBase, access)) ? PageWalk.Denied : walk;
    }

    public bool Read(LinearAddress address, Span<byte> destination) => false;

    public bool Write(LinearAddress address, ReadOnlySpan<byte> source) => false;
}
