using Cloister.Engine.Memory;

namespace Cloister.Engine.Tests.Memory;

public class ExpectedPagesTests
{
    private const ulong Page = 4096;

    private static byte[] Contents(int pages) => [.. Enumerable.Range(0, pages * (int)Page).Select(i => (byte)(i / (int)Page + 1))];

    [Fact]
    public void Pages_are_taken_in_their_order()
    {
        var expected = default(ExpectedPages);
        expected.Begin(Page, Contents(2));
        Assert.True(expected.Take(Page));
        Assert.Equal(1, expected.LastTaken(Page)[0]);
        Assert.True(expected.Take(2 * Page));
        Assert.Equal(2, expected.LastTaken(2 * Page)[0]);
        Assert.True(expected.LastTaken(Page).IsEmpty);
        (ulong start, ulong end) = expected.End();
        Assert.Equal(start, end);
    }

    [Fact]
    public void A_page_out_of_order_was_not_expected()
    {
        var expected = default(ExpectedPages);
        expected.Begin(0, Contents(3));
        Assert.False(expected.Take(2 * Page));
        Assert.True(expected.LastTaken(2 * Page).IsEmpty);
    }

    [Fact]
    public void What_did_not_come_is_told_at_the_end()
    {
        var expected = default(ExpectedPages);
        expected.Begin(0, Contents(3));
        _ = expected.Take(0);
        Assert.Equal((Page, 3 * Page), expected.End());
        Assert.False(expected.Take(Page));
    }

    [Fact]
    public void A_page_that_was_touched_is_read_from_where_it_is()
    {
        var expected = default(ExpectedPages);
        expected.Begin(0, Contents(1));
        _ = expected.Take(0);
        expected.Touch(Page);
        Assert.False(expected.LastTaken(0).IsEmpty);
        expected.Touch(0);
        Assert.True(expected.LastTaken(0).IsEmpty);
    }
}
