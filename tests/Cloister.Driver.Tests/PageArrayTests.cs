using FsCheck;
using FsCheck.Fluent;

namespace Cloister.Driver.Tests;

public class PageArrayTests
{
    // Few chunks, far apart and neighbouring, so that steps meet.
    private static readonly Gen<ulong> Index =
        from chunk in Gen.Elements(0UL, 1UL, 2UL, 1UL << 35, (1UL << 46) - 1)
        from slot in Gen.Choose(0, 63)
        select (chunk << 6) | (uint)slot;

    [Fact]
    public void Behaves_as_a_sorted_dictionary()
    {
        var steps = Gen.Zip(Gen.Choose(0, 3), Index).ListOf().ToArbitrary();
        Prop.ForAll(steps, list =>
        {
            var array = new PageArray<int>();
            var model = new SortedDictionary<ulong, int>();
            int value = 0;
            foreach (var (kind, index) in list)
            {
                value++;
                switch (kind)
                {
                    case 0 or 1:
                        Assert.Equal(model.TryAdd(index, value), array.TryAdd(index, value));
                        break;
                    case 2:
                        Assert.Equal(model.Remove(index), array.Remove(index));
                        break;
                    default:
                        Assert.Equal(model.TryGetValue(index, out int expected), Found(array, index, out int found));
                        Assert.Equal(expected, found);
                        break;
                }

                Assert.Equal(model.Count, array.Count);
            }

            var walked = new List<ulong>();
            ulong next = 0;
            for (; array.TryNext(ref next, ulong.MaxValue); next++)
            {
                walked.Add(next);
            }

            Assert.Equal(model.Keys, walked);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void The_last_page_of_interest_is_included_and_the_next_is_not()
    {
        var array = new PageArray<int>();
        array.TryAdd(700, 1);
        ulong index = 3;
        Assert.False(array.TryNext(ref index, 699));
        Assert.True(array.TryNext(ref index, 700));
        Assert.Equal(700UL, index);
        index = 701;
        Assert.False(array.TryNext(ref index, ulong.MaxValue));
    }

    [Fact]
    public void Records_change_in_place()
    {
        var array = new PageArray<int>();
        array.TryAdd(5, 1);
        array.TryGet(5, out _) = 9;
        Assert.True(Found(array, 5, out int value));
        Assert.Equal(9, value);
    }

    [Fact]
    public void A_cleared_array_is_empty()
    {
        var array = new PageArray<int>();
        array.TryAdd(5, 1);
        array.Clear();
        Assert.False(Found(array, 5, out _));
        Assert.True(array.TryAdd(5, 2));
        Assert.Equal(1, array.Count);
    }

    [Theory]
    [InlineData(8192, 512, 2048)]
    [InlineData(1 << 20, 1, 40)]
    public void Memory_is_in_proportion_to_the_pages_that_exist(int pages, int distance, int most)
    {
        // 8192 pages 2 MiB apart are spread over 16 GiB; a million neighbours fill 4 GiB.
        var array = new PageArray<EnclavePage>();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < pages; i++)
        {
            Assert.True(array.TryAdd((ulong)i * (uint)distance, EnclavePage.NotAnywhere));
        }

        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / pages, 1, most);
    }

    private static bool Found(PageArray<int> array, ulong index, out int value)
    {
        value = array.TryGet(index, out bool exists);
        return exists;
    }
}
