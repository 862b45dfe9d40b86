namespace Cloister.Cli.Reporting;

/// <summary>EPC pages of somebody over time.</summary>
/// <param name="name">Whose.</param>
/// <param name="bins">The parts of time.</param>
internal sealed class EpcLevel(string name, TimeBins bins)
{
    private readonly long[] _most = bins.AddMost(), _last = bins.AddLast();

    public string Name => name;

    /// <summary>Now.</summary>
    public long Pages { get; private set; }

    /// <summary>So many more, or less.</summary>
    public void Change(long time, long pages)
    {
        int part = bins.Of(time);
        Pages = Math.Max(0, Pages + pages);
        _most[part] = Math.Max(_most[part], Pages);
        _last[part] = Pages;
    }

    /// <summary>The most in each part of time.</summary>
    public IEnumerable<long> Values()
    {
        long level = 0;
        for (int part = 0; part < bins.Count; part++)
        {
            yield return Math.Max(level, _most[part]);
            level = _last[part] < 0 ? level : _last[part];
        }
    }
}
