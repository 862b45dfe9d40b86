using System.IO.MemoryMappedFiles;

namespace Cloister.Linux.Tests;

public class PopulatedPagesTests
{
    private const int Page = 4096;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Tells_of_the_pages_that_were_touched(bool scans)
    {
        const int pages = 1 << 16;
        using var file = MemoryMappedFile.CreateNew(null, (long)pages * Page);
        using MemoryMappedViewAccessor view = file.CreateViewAccessor();
        foreach (int page in (int[])[0, 1, 2, 1000, 1002, pages - 1])
        {
            view.Write((long)page * Page, 1);
        }

        ulong start = (ulong)view.SafeMemoryMappedViewHandle.DangerousGetHandle();
        List<(ulong Start, ulong End)> runs = PopulatedPages.Populated(Environment.ProcessId, start, start + (ulong)pages * Page, scans);

        // The kernel may map pages of the file around the one that was touched.
        Assert.All((int[])[0, 1, 2, 1000, 1002, pages - 1],
            page => Assert.Contains(runs, run => Address(page) >= run.Start && Address(page) < run.End));
        Assert.All((int[])[500, 30000, 60000],
            page => Assert.DoesNotContain(runs, run => Address(page) >= run.Start && Address(page) < run.End));
        Assert.Equal(runs.OrderBy(run => run.Start), runs);

        ulong Address(int page) => start + (ulong)page * Page;
    }

    [Fact]
    public void Of_a_process_that_is_not_there_everything_may_be_populated() =>
        Assert.Equal([(0x1000UL, 0x9000UL)], PopulatedPages.Populated(int.MaxValue, 0x1000, 0x9000));
}
