using Cloister.Architecture;
using Cloister.Driver.Pages;

namespace Cloister.Driver.Tests.Pages;

public class VersionArraysTests
{
    [Fact]
    public void One_array_page_serves512_pages()
    {
        var versions = new VersionArrays();
        for (int page = 0; page < 1025; page++)
        {
            Assert.Equal(page % 512 == 0, versions.NeedsPage);
            if (versions.NeedsPage)
            {
                versions.Add(new EpcPage(page));
            }

            versions.Grow();
        }

        Assert.Equal(3, versions.Pages.Count);
        Assert.Equal(1025, versions.PageCount);
    }

    [Fact]
    public void Every_slot_is_given_once_and_found_again()
    {
        var versions = new VersionArrays();
        versions.Add(new EpcPage(10));
        versions.Add(new EpcPage(20));
        var seen = new Dictionary<int, (EpcPage, int)>();
        for (int i = 0; i < 1024; i++)
        {
            int number = versions.AllocateSlot(out var page, out int slot);
            Assert.True(seen.TryAdd(number, (page, slot)));
            Assert.Equal((page, slot), versions.Find(number));
        }

        Assert.Equal(1024, seen.Values.Distinct().Count());
        Assert.All(versions.Pages, page => Assert.True(page.IsFull));
        versions.FreeSlot(700);
        Assert.Equal(700, versions.AllocateSlot(out _, out _));
        Assert.Throws<InvalidOperationException>(() => versions.AllocateSlot(out _, out _));
    }

    [Fact]
    public void A_slot_is_not_freed_twice()
    {
        var versions = new VersionArrays();
        versions.Add(new EpcPage(1));
        int number = versions.AllocateSlot(out _, out _);
        versions.FreeSlot(number);
        Assert.Throws<InvalidOperationException>(() => versions.FreeSlot(number));
    }

    [Fact]
    public void The_array_page_added_last_goes_only_unused()
    {
        var versions = new VersionArrays();
        versions.Add(new EpcPage(1));
        versions.Add(new EpcPage(2));
        Assert.Equal(new EpcPage(2), versions.RemoveLast());
        versions.AllocateSlot(out _, out _);
        Assert.Throws<InvalidOperationException>(() => versions.RemoveLast());
    }
}
