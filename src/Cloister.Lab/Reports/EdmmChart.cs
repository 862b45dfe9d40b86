using System.Globalization;
using Cloister.Lab.Costs;
using static Cloister.Lab.Reports.SvgDocument;

namespace Cloister.Lab.Reports;

/// <summary>
/// The result as a chart for a paper: patterns side by side, quantities below each other, a bar for each way. Greys only.
/// </summary>
public static class EdmmChart
{
    private const double Left = 100, Right = 14, Top = 38, PanelGap = 24, PanelWidth = 150;
    private const double RowHeight = 15, BarHeight = 9, BlockTitle = 20, AxisHeight = 18, BlockGap = 16;
    private const double LineHeight = 13, LegendHeight = 16;
    private const double RoomForNumber = 1.32;
    private const string Dark = "#404040", Light = "#b0b0b0", Grid = "#d8d8d8", Faint = "#555";

    /// <summary>A bar: a dark part, a light part behind it, and what stands at its end.</summary>
    private readonly record struct Bar(double First, double Second, string Number);

    private sealed record Block(string Title, string FirstLegend, string SecondLegend, Func<ExperimentResult, Bar> BarOf);

    /// <summary>Draws it.</summary>
    /// <param name="results">All of an experiment.</param>
    /// <param name="pages">Pages of the range.</param>
    /// <param name="costs">The costs the estimate is made by.</param>
    public static string Draw(IReadOnlyList<ExperimentResult> results, int pages, CostTable costs)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(costs);
        AllocationWay[] ways = [.. results.Select(result => result.Way).Distinct()];
        AllocationPattern[] patterns = [.. results.Select(result => result.Pattern).Distinct()];
        var svg = new SvgDocument();
        double width = Left + (patterns.Length * (PanelWidth + PanelGap)) - PanelGap + Right;
        for (int i = 0; i < patterns.Length; i++)
        {
            svg.Text(PanelLeft(i) + (PanelWidth / 2), Top - 18, patterns[i].Title, Anchor.Middle, 11, bold: true);
        }

        double y = Top;
        foreach (Block block in Blocks(costs))
        {
            y = Draw(svg, block, y, ways, patterns, results);
        }

        foreach (string line in Notes(results, pages, costs))
        {
            svg.Text(PanelLeft(0) - Left + 10, y, line, size: 9, colour: Faint);
            y += LineHeight;
        }

        return svg.Finish(width, y, "Ways to give an enclave its pages, compared");
    }

    private static IEnumerable<Block> Blocks(CostTable costs)
    {
        yield return new Block("Exits per page used", "asynchronous (AEX)", "EEXIT", result =>
        {
            double aex = PerPage(result, result.Events.Use.Aex), exits = PerPage(result, result.Events.Use[MachineEvent.Eexit]);
            return new Bar(aex, exits, Number(aex + exits));
        });
        yield return new Block("EPC pages taken per page used", "used", "taken and not used", result =>
        {
            double taken = PerPage(result, result.PagesTaken);
            return new Bar(Math.Min(1, taken), Math.Max(0, taken - 1), Number(taken));
        });
        yield return Cycles("Estimated thousands of cycles per page used, after EINIT", result => costs.Estimate(result.Events.Use));
        yield return Cycles("Estimated thousands of cycles per page used, to build the enclave",
            result => costs.Estimate(result.Events.Build));
    }

    private static Block Cycles(string title, Func<ExperimentResult, Estimate> estimate) =>
        new(title, "least published figures", "most published figures", result =>
        {
            Estimate cycles = estimate(result);
            double low = PerPage(result, cycles.Low) / 1000, high = PerPage(result, cycles.High) / 1000;
            string number = Number(low) == Number(high) ? Number(low) : $"{Number(low)}–{Number(high)}";
            return new Bar(low, high - low, number);
        });

    private static double Draw(SvgDocument svg, Block block, double top, AllocationWay[] ways, AllocationPattern[] patterns,
        IReadOnlyList<ExperimentResult> results)
    {
        Bar[] bars = [.. results.Select(block.BarOf)];
        Axis axis = Axis.For(bars.Max(bar => bar.First + bar.Second) * RoomForNumber);
        double rows = top + BlockTitle, bottom = rows + (ways.Length * RowHeight);
        svg.Text(10, top + 8, block.Title, size: 10.5, bold: true);
        Legend(svg, block, top, PanelLeft(patterns.Length) - PanelGap);
        for (int way = 0; way < ways.Length; way++)
        {
            svg.Text(Left - 6, rows + (way * RowHeight) + 11, ways[way].Title, Anchor.End);
        }

        for (int panel = 0; panel < patterns.Length; panel++)
        {
            double left = PanelLeft(panel), scale = PanelWidth / axis.Maximum;
            foreach (double tick in axis.Ticks)
            {
                svg.Stroke(left + (tick * scale), rows, left + (tick * scale), bottom, Grid);
                svg.Text(left + (tick * scale), bottom + 11, tick.ToString("#,0.##", CultureInfo.InvariantCulture), Anchor.Middle, 9);
            }

            for (int way = 0; way < ways.Length; way++)
            {
                int at = IndexOf(results, ways[way], patterns[panel]);
                if (at < 0)
                {
                    continue;
                }

                double y = rows + (way * RowHeight) + ((RowHeight - BarHeight) / 2), end = bars[at].First * scale;
                svg.Rectangle(left, y, end, BarHeight, Dark);
                svg.Rectangle(left + end, y, bars[at].Second * scale, BarHeight, Light);
                svg.Text(left + end + (bars[at].Second * scale) + 3, y + 8, bars[at].Number, size: 8.5);
            }

            svg.Stroke(left, rows, left, bottom);
            svg.Stroke(left, bottom, left + PanelWidth, bottom);
        }

        return bottom + AxisHeight + BlockGap;
    }

    private static void Legend(SvgDocument svg, Block block, double top, double right)
    {
        // Text is set by whoever shows it: room for its widest is left.
        const double letter = 5.2, box = 9;
        double x = right - ((block.FirstLegend.Length + block.SecondLegend.Length) * letter) - (2 * (box + 4)) - 14;
        foreach ((string text, string fill) in new[] { (block.FirstLegend, Dark), (block.SecondLegend, Light) })
        {
            svg.Rectangle(x, top + 0.5, box, box, fill);
            svg.Text(x + box + 4, top + 8, text, size: 9.5);
            x += box + 4 + (text.Length * letter) + 14;
        }
    }

    private static IEnumerable<string> Notes(IReadOnlyList<ExperimentResult> results, int pages, CostTable costs)
    {
        yield return string.Create(CultureInfo.InvariantCulture,
            $"A range of {pages:#,0} pages. Events counted on Cloister, a software SGX machine; no time measured there is in this chart.");
        yield return "AUGMENT as posted in March 2022, MAP_POPULATE as the thread of then describes it, both never merged; the rest as in Linux 6.12.";
        string[] missing = [.. results.SelectMany(result => costs.Estimate(result.Events.Use).Missing)
            .Where(one => one != MachineEvent.AexOther).Distinct().Order().Select(one => one.Name())];
        if (missing.Length > 0)
        {
            yield return $"Not in the estimates, for want of a published figure: {string.Join(", ", missing)}. Sources of the others: `cloister lab costs`.";
        }
    }

    private static int IndexOf(IReadOnlyList<ExperimentResult> results, AllocationWay way, AllocationPattern pattern)
    {
        for (int i = 0; i < results.Count; i++)
        {
            if (results[i].Way == way && results[i].Pattern == pattern)
            {
                return i;
            }
        }

        return -1;
    }

    private static double PanelLeft(int panel) => Left + (panel * (PanelWidth + PanelGap));

    private static double PerPage(ExperimentResult result, double count) => count / result.PagesUsed;

    private static string Number(double value) => value switch
    {
        0 => "0",
        < 0.01 => "<0.01",
        < 1 => value.ToString("0.##", CultureInfo.InvariantCulture),
        < 10 => value.ToString("0.#", CultureInfo.InvariantCulture),
        _ => value.ToString("#,0", CultureInfo.InvariantCulture),
    };
}
