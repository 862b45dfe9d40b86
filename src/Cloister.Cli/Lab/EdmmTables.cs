using System.Globalization;
using Cloister.Driver;
using Cloister.Lab;
using Cloister.Lab.Costs;
using Spectre.Console;

namespace Cloister.Cli.Lab;

/// <summary>The result of <c>cloister lab edmm</c> as tables.</summary>
internal static class EdmmTables
{
    public static void Write(IReadOnlyList<ExperimentResult> results, ExperimentOptions options, CostTable costs, IAnsiConsole output)
    {
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"What the machine counted after EINIT, in a range of {options.Pages:#,0} pages (EADD: before it):"));
        string[] paging = options.EpcPages is null ? [] : ["EWB", "ELDU"];
        Table counts = New(["Way", "AEX", "EEXIT", "ioctls", "faults", "EAUG", "EACCEPT", "EADD", .. paging]);
        foreach (IGrouping<AllocationPattern, ExperimentResult> pattern in results.GroupBy(result => result.Pattern))
        {
            Heading(counts, pattern);
            foreach (ExperimentResult result in pattern)
            {
                EventCounts use = result.Events.Use;
                long[] paged = options.EpcPages is null ? [] : [use[MachineEvent.Ewb], use[MachineEvent.Eldu]];
                Row(counts, result.Way.Title, [use.Aex, use[MachineEvent.Eexit], use[MachineEvent.Ioctl], use[MachineEvent.PageFault],
                    use[MachineEvent.Eaug],
                    use[MachineEvent.Eaccept] + use[MachineEvent.Eacceptcopy], result.Events.Build[MachineEvent.Eadd], .. paged]);
            }
        }

        output.Write(counts);
        output.WriteLine();
        output.WriteLine("For each page used: EPC pages taken; time here, in microseconds (us), the median and from least to most;");
        output.WriteLine("cycles on hardware, in thousands (kc), estimated:");
        Table prices = New("Way", "EPC", "build, us", "use, us", "build, kc", "use, kc");
        foreach (IGrouping<AllocationPattern, ExperimentResult> pattern in results.GroupBy(result => result.Pattern))
        {
            Heading(prices, pattern);
            foreach (ExperimentResult result in pattern)
            {
                prices.AddRow(
                    new Text("  " + result.Way.Title),
                    new Text(((double)result.PagesTaken / result.PagesUsed).ToString("0.##", CultureInfo.InvariantCulture)),
                    new Text(Microseconds(result.BuildTime, result.BuildTimes, result.PagesUsed)),
                    new Text(Microseconds(result.UseTime, result.UseTimes, result.PagesUsed)),
                    new Text(Cycles(costs.Estimate(result.Events.Build), result.PagesUsed)),
                    new Text(Cycles(costs.Estimate(result.Events.Use), result.PagesUsed)));
            }
        }

        output.Write(prices);
        Notes(results, options, costs, output);
    }

    private static void Notes(IReadOnlyList<ExperimentResult> results, ExperimentOptions options, CostTable costs, IAnsiConsole output)
    {
        output.WriteLine();
        foreach (AllocationWay way in results.Select(result => result.Way).Distinct())
        {
            output.WriteLine($"{way.Title} ({way.Generation.Name()}): {way.Description}.");
        }

        foreach (AllocationPattern pattern in results.Select(result => result.Pattern).Distinct())
        {
            output.WriteLine($"{pattern.Title}: {pattern.Description}.");
        }

        string[] missing = [
            .. results.SelectMany(result => costs.Estimate(result.Events.Use).Missing.Concat(costs.Estimate(result.Events.Build).Missing))
                .Distinct().Order().Select(one => one.Name())];
        output.WriteLine(
            $"Estimates are from published figures, the least and the most; `cloister lab costs` prints them with their sources.");
        if (missing.Length > 0)
        {
            output.WriteLine($"No source, and so left out of the estimates: {string.Join(", ", missing)}.");
        }

        if (options.Repeats > 0)
        {
            output.WriteLine(
                $"Time here is Cloister's (engine {options.TimedEngine.ToString().ToLowerInvariant()}) and says nothing about hardware.");
        }

        if (options.EpcPages is { } epc)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"The EPC had {epc:#,0} pages: EWB and ELDU are what did not fit."));
        }
    }

    private static string Microseconds(TimeSpan? time, IReadOnlyList<TimeSpan> times, int pages) => time is not { } known ? ""
        : Microseconds(known, pages) + (times.Count > 1 ? $" ({Microseconds(times.Min(), pages)} - {Microseconds(times.Max(), pages)})" : "");

    private static string Microseconds(TimeSpan time, int pages) =>
        (time.TotalMicroseconds / pages).ToString("#,0.0", CultureInfo.InvariantCulture);

    private static string Cycles(Estimate estimate, int pages)
    {
        string low = Thousands(estimate.Low / pages), high = Thousands(estimate.High / pages);
        return low == high ? low : $"{low} - {high}";
    }

    private static string Thousands(double cycles) =>
        (cycles / 1000).ToString(cycles < 1_000 ? "0.##" : cycles < 10_000 ? "0.#" : "#,0", CultureInfo.InvariantCulture);

    private static Table New(params string[] columns)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (string column in columns)
        {
            var header = new TableColumn(column);
            table.AddColumn((column == columns[0] ? header : header.RightAligned()).NoWrap());
        }

        return table;
    }

    private static void Heading(Table table, IGrouping<AllocationPattern, ExperimentResult> pattern) =>
        table.AddRow(new Text(string.Create(CultureInfo.InvariantCulture, $"{pattern.Key.Title}: {pattern.First().PagesUsed:#,0} used")));

    private static void Row(Table table, string name, params long[] numbers) =>
        table.AddRow([new Text("  " + name), .. numbers.Select(number => new Text(number.ToString("#,0", CultureInfo.InvariantCulture)))]);
}
