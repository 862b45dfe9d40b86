using Cloister.Architecture;

namespace Cloister.Driver.Tests.Harness;

/// <summary>Notes what is placed and expected, and that nothing is placed twice or removed without being there.</summary>
internal sealed class TestStorage : IEnclaveStorage
{
    public Dictionary<ulong, EpcPage> Placed { get; } = [];

    public void Place(EpcPage page, ulong offset)
    {
        Assert.Equal(0UL, offset % 4096);
        Assert.DoesNotContain(page, Placed.Values);
        Assert.True(Placed.TryAdd(offset, page), $"offset {offset:x} is taken");
    }

    public void Remove(EpcPage page, ulong offset)
    {
        Assert.True(Placed.Remove(offset, out var placed), $"nothing at {offset:x}");
        Assert.Equal(placed, page);
    }

    public List<(ulong Offset, byte[] Contents)> Expected { get; } = [];

    public bool ExpectsMore { get; private set; }

    public void Expect(ulong offset, ReadOnlyMemory<byte> contents)
    {
        // The page that is being added has its place already; those behind it have none.
        Assert.DoesNotContain(Placed.Keys, placed => placed > offset && placed < offset + (ulong)contents.Length);
        Expected.Add((offset, contents.ToArray()));
        ExpectsMore = true;
    }

    public void ExpectNoMore() => ExpectsMore = false;
}
