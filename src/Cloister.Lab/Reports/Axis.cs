namespace Cloister.Lab.Reports;

/// <summary>A linear axis from 0, with ticks at round numbers.</summary>
/// <param name="Maximum">Its end.</param>
/// <param name="Step">From tick to tick.</param>
internal readonly record struct Axis(double Maximum, double Step)
{
    private const int MostTicks = 5;

    /// <summary>The ticks.</summary>
    public IEnumerable<double> Ticks
    {
        get
        {
            for (int i = 0; i * Step <= Maximum * (1 + 1e-9); i++)
            {
                yield return i * Step;
            }
        }
    }

    /// <summary>An axis for values up to a largest one.</summary>
    public static Axis For(double largest)
    {
        if (!(largest > 0))
        {
            return new Axis(1, 1);
        }

        double power = Math.Pow(10, Math.Floor(Math.Log10(largest / MostTicks)));
        double step = new[] { 1, 2, 2.5, 5, 10 }.Select(factor => factor * power).First(step => largest / step <= MostTicks);
        return new Axis(step * Math.Ceiling(largest / step), step);
    }
}
