using Cloister.Architecture;
using Spectre.Console;

namespace Cloister.Cli.Journal;

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
                + string.Join(", ", journal.Exits.Select(exit => PageLife.Times(exit.Key, exit.Value))));
        }
    }

    private static Table Pages(EnclaveHistory enclave)
    {
        Table table = New("Offset", "Pages", "Type", "Permissions", "Leaves and faults");
        Row(table, "", "1", enclave.Secs, null);
        foreach ((LinearAddress first, int count, PageLife life, TcsCrossings? crossings) in enclave.Grouped())
        {
            Row(table, $"0x{first - enclave.BaseAddress:x5}", $"{count}", life, crossings);
        }

        return table;
    }

    private static void Row(Table table, string offset, string count, PageLife life, TcsCrossings? crossings) =>
        table.AddRow(new Text(offset), new Text(count), new Text(life.Types), new Text(life.States), new Text(EventsOf(life, crossings)));

    internal static string EventsOf(PageLife life, TcsCrossings? crossings) => crossings is null ? life.Text
        : $"{life.Text}; meanwhile {string.Join(", ", crossings.All.Select(one => PageLife.Times(one.What, one.Times)))}";

    private static Table Leaves(PageJournal journal)
    {
        Table table = New("Leaf", "Done", "Refused");
        foreach ((string leaf, (long executed, long refused)) in journal.Leaves)
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
}
