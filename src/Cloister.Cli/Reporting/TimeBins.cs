namespace Cloister.Cli.Reporting;

/// <summary>
/// Time in a few hundred parts, however long it becomes: when it does not fit, two parts become one. Several rows share them.
/// </summary>
internal sealed class TimeBins
{
    /// <summary>The most parts there are.</summary>
    public const int Most = 512;

    private readonly List<(long[] Row, Func<long, long, long> Merge, long Empty)> _rows = [];

    /// <summary>Nanoseconds of a part.</summary>
    public long Width { get; private set; } = 1024;

    /// <summary>The last part that was used, and one.</summary>
    public int Count { get; private set; }

    /// <summary>A row of sums: what happened in each part.</summary>
    public long[] AddSums() => Add(static (first, second) => first + second, 0);

    /// <summary>A row of levels: the most in each part; -1 where there was no change.</summary>
    public long[] AddMost() => Add(Math.Max, -1);

    /// <summary>A row of levels: the last in each part; -1 where there was no change.</summary>
    public long[] AddLast() => Add(static (first, second) => second < 0 ? first : second, -1);

    /// <summary>The part of a moment.</summary>
    public int Of(long time)
    {
        while (time / Width >= Most)
        {
            foreach ((long[] row, Func<long, long, long> merge, long empty) in _rows)
            {
                for (int i = 0; i < Most / 2; i++)
                {
                    row[i] = merge(row[2 * i], row[(2 * i) + 1]);
                }

                Array.Fill(row, empty, Most / 2, Most / 2);
            }

            Width *= 2;
            Count = (Count + 1) / 2;
        }

        int part = (int)(time / Width);
        Count = Math.Max(Count, part + 1);
        return part;
    }

    private long[] Add(Func<long, long, long> merge, long empty)
    {
        long[] row = new long[Most];
        Array.Fill(row, empty);
        _rows.Add((row, merge, empty));
        return row;
    }
}
