using Cloister.Architecture;
using Cloister.Engine.Memory;

namespace Cloister.Engine.Tests.Memory;

public class PageTableTests
{
    private const ulong Leaf = 64 * 4096;
    private readonly PageTable _table = new();

    [Fact]
    public void An_entry_begins_absent()
    {
        PageTableEntry entry = _table[0x7fff_ffff_f000];
        Assert.Equal((false, NativeAccess.None, false, false), (entry.Present, entry.Native, entry.Executable, entry.Young));
        Assert.Equal(-1, entry.Page.Index);
    }

    [Fact]
    public void Page_zero_is_a_page()
    {
        _table[0x5000].Page = new EpcPage(0);
        Assert.True(_table[0x5000].Present);
        Assert.Equal(new EpcPage(0), _table[0x5000].Page);
    }

    [Fact]
    public void Each_page_has_its_own_entry()
    {
        ulong[] addresses = [0, 4096, Leaf - 4096, Leaf, Leaf + 4096, 5 * Leaf, 0x7fff_ffff_f000];
        for (int i = 0; i < addresses.Length; i++)
        {
            _table[addresses[i]].Page = new EpcPage(i);
        }

        for (int i = 0; i < addresses.Length; i++)
        {
            Assert.Equal(i, _table[addresses[i] + 4095].Page.Index);
            Assert.Equal(i, _table.Peek(addresses[i]).Page.Index);
        }

        Assert.False(_table.Peek(8192).Present);
        Assert.False(_table.Peek(9 * Leaf).Present);
    }

    [Fact]
    public void Clearing_the_drivers_entry_keeps_what_is_native()
    {
        ref PageTableEntry entry = ref _table[0x5000];
        (entry.Page, entry.Native, entry.Executable, entry.Young) = (new EpcPage(7), NativeAccess.ReadWrite, true, true);
        entry.Clear();
        entry = _table[0x5000];
        Assert.False(entry.Present);
        Assert.Equal((NativeAccess.ReadWrite, true), (entry.Native, entry.Executable));
    }

    [Fact]
    public void Punching_unmaps_and_keeps_the_drivers_entry()
    {
        _table[0x5000].Page = new EpcPage(7);
        _table[0x5000].Native = NativeAccess.ReadWrite;
        _table[0x6000].Native = NativeAccess.Read;
        _table.NotePunched(0x5000);
        _table.NotePunched(77 * Leaf);
        Assert.Equal((true, NativeAccess.None), (_table[0x5000].Present, _table[0x5000].Native));
        Assert.Equal(NativeAccess.Read, _table[0x6000].Native);
    }

    [Theory]
    [InlineData(0x5000, 0x7000)]
    [InlineData(0, Leaf)]
    [InlineData(Leaf - 4096, Leaf + 4096)]
    [InlineData(4096, 3 * Leaf + 8192)]
    [InlineData(4096, 4096)]
    public void Forgetting_a_range_is_exact(ulong start, ulong end)
    {
        // Every third leaf has no entry at all.
        ulong[] pages = [.. Enumerable.Range(0, 4 * 64).Select(i => (ulong)i * 4096).Where(page => page / Leaf != 1)];
        foreach (ulong page in pages)
        {
            _table[page].Page = new EpcPage(1);
            _table[page].Native = NativeAccess.Read;
        }

        _table.Forget(start, end);
        foreach (ulong page in pages)
        {
            bool kept = page < start || page >= end;
            Assert.Equal((kept, kept ? NativeAccess.Read : NativeAccess.None), (_table.Peek(page).Present, _table.Peek(page).Native));
        }
    }

    [Theory]
    [InlineData(0, 1UL << 34)]
    [InlineData(Leaf + 4096, 2 * Leaf - 4096)]
    [InlineData(Leaf, Leaf)]
    [InlineData(2 * Leaf, Leaf)]
    public void The_entries_of_a_range_are_found_upwards(ulong start, ulong end)
    {
        // Out of order, with leaves between them that are not there.
        ulong[] pages = [9 * Leaf, Leaf + 4096, Leaf + 8192, (1UL << 34) - 4096, 5 * Leaf, 1UL << 34];
        foreach (ulong page in pages)
        {
            _table[page].Page = new EpcPage(1);
        }

        ulong[] found = [.. _table.Within(start, end)];
        Assert.Equal(found.Order(), found);
        Assert.All(found, page => Assert.InRange(page, start, end - 4096));
        Assert.Equal(pages.Where(page => page >= start && page < end).Order(), found.Where(page => _table.Peek(page).Present));
    }

    [Fact]
    public void Memory_is_in_proportion_to_the_pages_that_exist()
    {
        // 16 GiB with a page in each 2 MiB, as a page table's own pages have it.
        const int pages = 8192;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (ulong i = 0; i < pages; i++)
        {
            _table[i << 21].Page = new EpcPage(1);
        }

        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / pages, 1, 2048);
    }

    [Fact]
    public void Forgetting_a_large_range_takes_steps_of_a_leaf()
    {
        // 2^31 pages one by one would not end in a test's time.
        _table[0x5000].Page = new EpcPage(1);
        _table[0x0700_0000_0000].Page = new EpcPage(2);
        _table.Forget(0, 1UL << 43);
        Assert.False(_table.Peek(0x5000).Present);
        Assert.False(_table.Peek(0x0700_0000_0000).Present);
    }
}
