using Cloister.Architecture;
using Cloister.Driver.Pages;

namespace Cloister.Driver.Tests.Pages;

public class EpcPagePoolTests
{
    [Fact]
    public void Gives_each_page_once_and_then_none()
    {
        var pool = new EpcPagePool(3);
        Assert.Equal([0, 1, 2], Enumerable.Range(0, 3).Select(_ => Take(pool).Index));
        Assert.Equal(0, pool.FreeCount);
        Assert.False(pool.TryTake(out _));
    }

    [Fact]
    public void Takes_the_page_that_is_free_the_longest_of_those_that_were_used_and_then_a_new_one()
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
    public void Isolates_in_the_order_pages_were_marked()
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
    public void An_isolated_page_cannot_be_unmarked()
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
    public void A_page_on_the_active_list_or_free_cannot_be_given_back()
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

    [Fact]
    public void What_is_withheld_is_not_to_be_had()
    {
        var pool = new EpcPagePool(4) { WithheldCount = 3 };
        Assert.Equal((1, 1, 0, 4), (pool.FreeCount, pool.LimitCount, pool.ExcessCount, pool.TotalCount));
        Assert.True(pool.TryTake(out EpcPage page));
        Assert.False(pool.TryTake(out _));
        pool.WithheldCount = 4;
        Assert.Equal((0, 1), (pool.FreeCount, pool.ExcessCount));
        pool.Give(page);
        Assert.Equal((0, 0), (pool.FreeCount, pool.ExcessCount));
        pool.WithheldCount = 0;
        Assert.Equal(4, pool.FreeCount);
    }

    [Fact]
    public void One_page_is_isolated_where_it_may_be_reclaimed()
    {
        var pool = new EpcPagePool(3);
        Assert.True(pool.TryTake(out EpcPage first) & pool.TryTake(out EpcPage second));
        Assert.False(pool.TryIsolate(second, out _, out _));
        pool.MarkReclaimable(first, 1, 10);
        pool.MarkReclaimable(second, 2, 20);
        Assert.True(pool.TryIsolate(second, out int owner, out ulong number));
        Assert.Equal((2, 20UL, 1), (owner, number, pool.ActiveCount));
        Assert.False(pool.TryIsolate(second, out _, out _));
        Assert.True(pool.TryIsolate(out EpcPage left, out _, out _));
        Assert.Equal(first, left);
    }
}
