using Cloister.Engine.Fast;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Fast;

public class AwaitedPagesTests
{
    private const ulong Size = 1UL << 36, Page = 4096;

    // Within a page of the table, across an edge of one, across several, and at the end.
    [Theory]
    [InlineData(3, 5)]
    [InlineData(2040, 16)]
    [InlineData(2048, 2048)]
    [InlineData(1000, 10000)]
    [InlineData((long)(Size / Page) - 4000, 4000)]
    public void A_range_is_withdrawn_and_nothing_else(long first, long count)
    {
        long length = AwaitedPages.PagesOffset + (long)(Size >> 11);
        using var table = new AwaitedPages(new SparseFile(MappedFile.Create("awaited", length).Descriptor), 0, 0x10_0000_0000, Size);
        long[] near = [first - 1, first, first + 1, first + count / 2, first + count - 1, first + count];
        long[] there = [.. near.Where(page => page < (long)(Size / Page))];
        foreach (long page in there)
        {
            table[(ulong)page * Page] = 0x203;
        }

        table.Withdraw((ulong)first * Page, (ulong)count * Page);
        foreach (long page in there)
        {
            Assert.Equal(page < first || page >= first + count ? 0x203 : 0, table[(ulong)page * Page]);
        }
    }
}
