using Cloister.Cli.Reporting;

namespace Cloister.Cli.Tests.Reporting;

/// <summary>Time in a few hundred parts, however long it becomes.</summary>
public class TimeBinsTests
{
    [Theory]
    [InlineData(1_000)]
    [InlineData(1_000_000_000)]
    [InlineData(long.MaxValue / 2)]
    public void Sums_and_levels_stay_right_when_parts_become_one(long end)
    {
        var bins = new TimeBins();
        long[] sums = bins.AddSums();
        var level = new EpcLevel("", bins);
        var random = new Random(3);
        long[] times = [.. Enumerable.Range(0, 5000).Select(_ => random.NextInt64(end)).Order(), end];
        long pages = 0, most = 0;
        foreach (long time in times)
        {
            sums[bins.Of(time)]++;
            int change = pages == 0 || random.Next(2) == 0 ? 1 : -1;
            level.Change(time, change);
            most = Math.Max(most, pages += change);
        }

        Assert.InRange(bins.Count, 1, TimeBins.Most);
        Assert.True(bins.Width * bins.Count >= end);
        Assert.Equal(times.Length, sums.Sum());
        for (int part = 0; part < bins.Count; part++)
        {
            long first = part * bins.Width;
            Assert.Equal(times.Count(time => time >= first && time - first < bins.Width), sums[part]);
        }

        Assert.Equal(pages, level.Pages);
        Assert.Equal(most, level.Values().Max());
    }

    [Fact]
    public void A_level_goes_on_until_it_changes()
    {
        var bins = new TimeBins();
        var level = new EpcLevel("", bins);
        level.Change(0, 3);
        level.Change(1024 * 4, -2);
        _ = bins.Of(1024 * 6);
        Assert.Equal([3, 3, 3, 3, 3, 1, 1], level.Values());
    }
}
