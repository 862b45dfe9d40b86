namespace Cloister.Linux.Tests;

public class SparseFileTests
{
    private const int Page = 4096;
    private const long Tebibyte = 1L << 40;

    [Fact]
    public void Pages_far_apart_cost_a_few_windows()
    {
        using SparseFile file = Make(64 * Tebibyte);
        file.Limit(Page, 64 * Tebibyte);
        Assert.True(file.IsLimited);
        for (long at = Page; at < 64 * Tebibyte; at += Tebibyte)
        {
            file.Slice(at, Page)[1] = (byte)(at >> 40);
        }

        Assert.InRange(file.Windows, 64, 65);
        for (long at = Page; at < 64 * Tebibyte; at += Tebibyte)
        {
            Assert.Equal((byte)(at >> 40), file.Slice(at, Page)[1]);
        }
    }

    [Fact]
    public void Windows_meet_without_a_seam()
    {
        using SparseFile file = Make(4 * Tebibyte);
        file.Limit(0, 4 * Tebibyte);
        long seam = 4 * Tebibyte / 1024;
        file.Slice(seam, 1)[0] = 2;
        file.Slice(seam - Page, Page)[Page - 1] = 1;
        var bytes = new byte[2];
        Assert.Equal(Errno.None, file.Read(seam - 1, bytes));
        Assert.Equal([1, 2], bytes);
        Assert.Equal(2, file.Windows);
    }

    [Fact]
    public void Nothing_outside_the_limits_is_reached()
    {
        using SparseFile file = Make(8 * Page);
        Assert.False(file.IsLimited);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(0, 1).Length);
        file.Limit(2 * Page, 4 * Page);
        Assert.Equal(Page, file.Slice(3 * Page, Page).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(2 * Page - 1, 1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(4 * Page, 1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(long.MaxValue, Page).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Limit(Page, Page));
    }

    [Fact]
    public void What_is_written_and_punched_shows_in_the_windows()
    {
        using SparseFile file = Make(2 * Tebibyte);
        file.Limit(0, 2 * Tebibyte);
        Assert.Equal(0, file.Slice(Tebibyte, Page)[0]);
        Assert.Equal(Errno.None, file.Write(Tebibyte, [7]));
        Assert.Equal(Errno.None, file.Allocate(Tebibyte, Page));
        Assert.Equal(7, file.Slice(Tebibyte, Page)[0]);
        file.Punch(0, 2 * Tebibyte);
        Assert.Equal(0, file.Slice(Tebibyte, Page)[0]);
    }

    private static SparseFile Make(long length)
    {
        using MappedFile made = MappedFile.Create("sparse", Page);
        int descriptor = (int)NativeMethods.SystemCall(32, made.Descriptor, 0, 0, 0, 0, 0);
        Assert.Equal(0, NativeMethods.SystemCall(77, descriptor, length, 0, 0, 0, 0));
        return new SparseFile(descriptor);
    }
}
