using System.Globalization;
using Cloister.Lab;
using Spectre.Console;

namespace Cloister.Cli.Lab;

/// <summary>Two results of <c>lab edmm</c> side by side: what the machine counted otherwise, and whether the times differ at all.</summary>
internal static class EdmmComparison
{
    /// <summary>Writes it.</summary>
    public static void Write(EdmmFile first, EdmmFile second, IAnsiConsole output)
    {
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"First: {first.Pages:#,0} pages{Epc(first)}. Second: {second.Pages:#,0} pages{Epc(second)}."));
        var table = new Table { Border = TableBorder.Simple };
        foreach (string column in (string[])["Pattern", "Way", "What", "first", "second", ""])
        {
            var header = new TableColumn(column);
            table.AddColumn((column is "first" or "second" ? header.RightAligned() : header).NoWrap());
        }

        int same = 0;
        foreach ((EdmmFile.Cell one, EdmmFile.Cell other) in Both(first, second))
        {
            List<(string What, double First, double Second, string Note)> rows = [.. Counts(one, other)];
            same += rows.Count == 0 ? 1 : 0;
            if (Time(one, other) is { } time)
            {
                rows.Add(time);
            }

            foreach ((string what, double a, double b, string note) in rows)
            {
                table.AddRow(new Text(one.Pattern), new Text(one.Way), new Text(what), new Text(Number(a)), new Text(Number(b)),
                    new Text(note));
            }
        }

        if (table.Rows.Count > 0)
        {
            output.Write(table);
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{same:#,0} of {Both(first, second).Count():#,0} ways and patterns that both have were counted alike."));
        Alone(first, second, "first", output);
        Alone(second, first, "second", output);
    }

    private static string Epc(EdmmFile file) =>
        file.EpcPages is { } pages ? string.Create(CultureInfo.InvariantCulture, $", an EPC of {pages:#,0}") : "";

    private static IEnumerable<(EdmmFile.Cell, EdmmFile.Cell)> Both(EdmmFile first, EdmmFile second) =>
        from one in first.Cells
        from other in second.Cells
        where one.Way == other.Way && one.Pattern == other.Pattern
        select (one, other);

    private static IEnumerable<(string What, double First, double Second, string Note)> Counts(EdmmFile.Cell one, EdmmFile.Cell other)
    {
        if (one.PagesUsed != other.PagesUsed)
        {
            yield return ("pages used", one.PagesUsed, other.PagesUsed, Change(one.PagesUsed, other.PagesUsed));
        }

        if (one.PagesTaken != other.PagesTaken)
        {
            yield return ("pages taken", one.PagesTaken, other.PagesTaken, Change(one.PagesTaken, other.PagesTaken));
        }

        foreach ((string phase, IReadOnlyDictionary<MachineEvent, long> a, IReadOnlyDictionary<MachineEvent, long> b) in
            ((string, IReadOnlyDictionary<MachineEvent, long>, IReadOnlyDictionary<MachineEvent, long>)[])
            [("build", one.Build, other.Build), ("use", one.Use, other.Use)])
        {
            foreach (MachineEvent counted in Enum.GetValues<MachineEvent>())
            {
                (long before, long after) = (a.GetValueOrDefault(counted), b.GetValueOrDefault(counted));
                if (before != after)
                {
                    yield return ($"{phase}: {counted.Name()}", before, after, Change(before, after));
                }
            }
        }
    }

    // Times whose ranges meet may be the same.
    private static (string What, double First, double Second, string Note)? Time(EdmmFile.Cell one, EdmmFile.Cell other)
    {
        if (one.Time is not { } a || other.Time is not { } b)
        {
            return null;
        }

        bool isKnown = one.Times.Count > 1 && other.Times.Count > 1;
        bool meet = isKnown && one.Times.Min() <= other.Times.Max() && other.Times.Min() <= one.Times.Max();
        return ("use, us here", a / 1000, b / 1000, $"{Change(a, b)}{(meet ? ", within the spread" : isKnown ? "" : ", spread not known")}");
    }

    private static void Alone(EdmmFile one, EdmmFile other, string which, IAnsiConsole output)
    {
        string[] alone = [.. one.Cells.Where(cell => !other.Cells.Any(known => known.Way == cell.Way && known.Pattern == cell.Pattern))
            .Select(cell => $"{cell.Way}:{cell.Pattern}")];
        if (alone.Length > 0)
        {
            output.WriteLine($"Only in the {which}: {string.Join(", ", alone)}.");
        }
    }

    private static string Change(double before, double after) => before == 0 ? "new"
        : ((after - before) / before).ToString("+0.#%;-0.#%;0%", CultureInfo.InvariantCulture);

    private static string Number(double number) => number.ToString("#,0.#", CultureInfo.InvariantCulture);
}
