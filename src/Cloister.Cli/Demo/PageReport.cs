using Cloister.Architecture;
using Spectre.Console;

namespace Cloister.Cli.Demo;

/// <summary>Shows a journal: a row for each page, or for neighbours that lived the same life.</summary>
internal static class PageReport
{
    public static void Write(PageJournal journal, IAnsiConsole output)
    {
        foreach (EnclaveHistory enclave in journal.Enclaves)
        {
            output.WriteLine();
            output.WriteLine($"What happened to the enclave at {enclave.BaseAddress}, 0x{enclave.Size:x} bytes, page by page:");
            output.Write(Pages(enclave));
        }

        output.WriteLine();
        output.WriteLine("What the processor executed:");
        output.Write(Leaves(journal));
        output.WriteLine("(EEXTEND counts pages: the processor executes it 16 times for each.)");
        if (journal.Exits.Count > 0)
        {
            output.WriteLine("Asynchronous exits: "
                + string.Join(", ", journal.Exits.Select(exit => PageHistory.Times(exit.Key, exit.Value))));
        }
    }

    internal static IEnumerable<(PageHistory First, int Count)> Grouped(EnclaveHistory enclave)
    {
        (PageHistory First, int Count)? group = null;
        foreach (PageHistory page in enclave.Pages)
        {
            if (group is var (first, count) && Same(first, page) && page.Address - first.Address == (ulong)count * LinearAddress.PageSize)
            {
                group = (first, count + 1);
                continue;
            }

            if (group is { } complete)
            {
                yield return complete;
            }

            group = (page, 1);
        }

        if (group is { } last)
        {
            yield return last;
        }
    }

    private static Table Pages(EnclaveHistory enclave)
    {
        Table table = New("Offset", "Pages", "Type", "Permissions", "Leaves and faults");
        Row(table, "", "1", enclave.SecsPage);
        foreach ((PageHistory first, int count) in Grouped(enclave))
        {
            ulong offset = first.Address - enclave.BaseAddress;
            Row(table, $"0x{offset:x5}", $"{count}", first);
        }

        return table;
    }

    private static void Row(Table table, string offset, string count, PageHistory page)
    {
        string events = page.Events;
        IEnumerable<string> crossings =
            page.Crossings.Select(crossing => PageHistory.Times(crossing.Key.ToString().ToUpperInvariant(), crossing.Value));
        if (page.Exits > 0)
        {
            crossings = crossings.Append(PageHistory.Times("AEX", page.Exits));
        }

        string inside = string.Join(", ", crossings);
        table.AddRow(new Text(offset), new Text(count), new Text(page.Types), new Text(page.States),
            new Text(inside.Length == 0 ? events : $"{events}; meanwhile {inside}"));
    }

    private static Table Leaves(PageJournal journal)
    {
        Table table = New("Leaf", "Done", "Refused");
        foreach ((string leaf, (int executed, int refused)) in journal.Leaves)
        {
            table.AddRow(leaf, $"{executed}", refused == 0 ? "" : $"{refused}");
        }

        return table;
    }

    private static Table New(params string[] columns)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (string column in columns)
        {
            table.AddColumn(column);
        }

        return table;
    }

    private static bool Same(PageHistory one, PageHistory other) =>
        one.Types == other.Types && one.States == other.States && one.Events == other.Events
        && one.Crossings.Count + one.Exits + other.Crossings.Count + other.Exits == 0;
}
