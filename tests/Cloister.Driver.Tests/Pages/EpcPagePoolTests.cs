using Cloister.Architecture;
using Cloister.Driver.Pages;

namespace Cloister.Driver.Tests.Pages;

public class EpcPagePoolTests
{
    [Fact]
    public void GivesEachPageOnceAndThenNone()
    {
        var pool = new EpcPagePool(3);
        Assert.Equal([0, 1, 2], Enumerable.Range(0, 3).Select(_ => Take(pool).Index));
        Assert.Equal(0, pool.FreeCount);
        Assert.False(pool.TryTake(out _));
    }

    [Fact]
    public void TakesThePageThatIsFreeTheLongestOfThoseThatWereUsedAndThenANewOne()
    {
        var pool = new EpcPagePool(3);
        var first = Take(pool);
        var second = Take(pool);
        pool.Give(second);
        pool.Give(first);
        Assert.Equal(second, Take(pool));
        Assert.Equal(first, Take(pool));
        Assert.Equal(2, Take(pool).Index);
    }

    [Fact]
    public void IsolatesInTheOrderPagesWereMarked()
    {
        var pool = new EpcPagePool(3);
        var pages = Enumerable.Range(0, 3).Select(_ => Take(pool)).ToArray();
        foreach (var page in pages)
        {
            pool.MarkReclaimable(page, owner: 7, pageNumber: 100 + (ulong)page.Index);
        }

        Assert.True(pool.TryUnmarkReclaimable(pages[1]));
        Assert.True(pool.TryIsolate(out var isolated, out int owner, out ulong pageNumber));
        Assert.Equal((pages[0], 7, 100UL), (isolated, owner, pageNumber));
        Assert.Equal(1, pool.ActiveCount);
        Assert.True(pool.TryIsolate(out isolated, out _, out _));
        Assert.Equal(pages[2], isolated);
        Assert.False(pool.TryIsolate(out _, out _, out _));
    }

    [Fact]
    public void AnIsolatedPageCannotBeUnmarked()
    {
        var pool = new EpcPagePool(1);
        var page = Take(pool);
        pool.MarkReclaimable(page, 0, 0);
        pool.TryIsolate(out _, out _, out _);
        Assert.False(pool.TryUnmarkReclaimable(page));
        pool.MarkReclaimable(page, 0, 0);
        Assert.True(pool.TryUnmarkReclaimable(page));
    }

    [Fact]
    public void APageOnTheActiveListOrFreeCannotBeGivenBack()
    {
        var pool = new EpcPagePool(1);
        var page = Take(pool);
        pool.MarkReclaimable(page, 0, 0);
        Assert.Throws<InvalidOperationException>(() => pool.Give(page));
        pool.TryUnmarkReclaimable(page);
        pool.Give(page);
        Assert.Throws<InvalidOperationException>(() => pool.Give(page));
        Assert.Throws<InvalidOperationException>(() => pool.MarkReclaimable(page, 0, 0));
        Assert.Equal(1, pool.CountFreeByWalking());
    }

    private static EpcPage Take(EpcPagePool pool)
    {
        Assert.True(pool.TryTake(out var page));
        return page;
    }
}
