using System.Globalization;
using System.Text;
using Cloister.Driver;
using Cloister.Lab.Costs;

namespace Cloister.Lab.Reports;

/// <summary>The result as comma-separated values (RFC 4180): a line for each way and pattern. Times are in nanoseconds.</summary>
public static class EdmmCsv
{
    /// <summary>Writes it.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="results">All of an experiment.</param>
    /// <param name="pages">Pages of the range.</param>
    /// <param name="costs">The costs the estimate is made by.</param>
    /// <param name="epcPages">Pages of the EPC; null for as many as nothing is evicted with.</param>
    public static void Write(TextWriter output, IReadOnlyList<ExperimentResult> results, int pages, CostTable costs, int? epcPages = null)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(costs);
        string[] phase =
            [.. Enum.GetValues<MachineEvent>().Select(one => one.Name()), "ns", "ns least", "ns most", "cycles low", "cycles high"];
        Line(output, ["way", "uapi", "pattern", "pages", "epc pages", "pages used", "pages taken", .. phase.Select(name => $"build {name}"),
            .. phase.Select(name => $"use {name}")]);
        foreach (ExperimentResult result in results)
        {
            Line(output, [result.Way.Id, result.Way.Generation.Name(), result.Pattern.Id, Text(pages), epcPages is { } epc ? Text(epc) : "",
                Text(result.PagesUsed), Text(result.PagesTaken), .. Phase(result.Events.Build, result.BuildTime, result.BuildTimes, costs),
                .. Phase(result.Events.Use, result.UseTime, result.UseTimes, costs)]);
        }
    }

    private static IEnumerable<string> Phase(EventCounts events, TimeSpan? time, IReadOnlyList<TimeSpan> times, CostTable costs)
    {
        Estimate estimate = costs.Estimate(events);
        return [.. Enum.GetValues<MachineEvent>().Select(one => Text(events[one])), Text(time), Text(times.Count > 0 ? times.Min() : null),
            Text(times.Count > 0 ? times.Max() : null), Text(estimate.Low), Text(estimate.High)];
    }

    private static string Text(TimeSpan? time) => time is { } known ? Text(known.TotalNanoseconds) : "";

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);

    private static void Line(TextWriter output, IEnumerable<string> fields)
    {
        var line = new StringBuilder().AppendJoin(',', fields);
        output.Write(line.Append("\r\n"));
    }
}
