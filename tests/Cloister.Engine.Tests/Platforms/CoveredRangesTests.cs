using Cloister.Engine.Platforms;

namespace Cloister.Engine.Tests.Platforms;

public class CoveredRangesTests
{
    private const ulong Mebibyte = 1 << 20;

    [Fact]
    public void What_is_covered_takes_no_filter()
    {
        var ranges = new CoveredRanges();
        Assert.True(ranges.Add(4 * Mebibyte, 4 * Mebibyte));
        Assert.False(ranges.Add(4 * Mebibyte, 4 * Mebibyte));
        Assert.False(ranges.Add(6 * Mebibyte, 2 * Mebibyte));
        Assert.True(ranges.Add(0, 8 * Mebibyte));
        Assert.True(ranges.Add(8 * Mebibyte, Mebibyte));
        Assert.False(ranges.Add(0, Mebibyte));
    }

    [Fact]
    public void Their_number_is_bounded()
    {
        var ranges = new CoveredRanges();
        int added = Enumerable.Range(1, 1000).Count(i => ranges.Add((ulong)i * Mebibyte, Mebibyte));
        Assert.Equal(CoveredRanges.Most, added);
    }

    [Fact]
    public void A_child_has_its_parents_and_then_its_own()
    {
        var parent = new CoveredRanges();
        Assert.True(parent.Add(Mebibyte, Mebibyte));
        var child = new CoveredRanges(parent);
        Assert.False(child.Add(Mebibyte, Mebibyte));
        Assert.True(child.Add(2 * Mebibyte, Mebibyte));
        Assert.True(parent.Add(2 * Mebibyte, Mebibyte));
    }
}
