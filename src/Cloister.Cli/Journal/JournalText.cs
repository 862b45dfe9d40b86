using System.Globalization;
using Cloister.Architecture;

namespace Cloister.Cli.Journal;

/// <summary>A journal in lines: one for each page, or for pages in a row that lived the same life.</summary>
internal static class JournalText
{
    /// <summary>The most lines of an enclave.</summary>
    public const int MostRows = 1000;

    private const int MostOfPart = 48; // letters of a column, so that one odd page does not move all others

    /// <summary>The lines, made as they are read.</summary>
    public static IEnumerable<string> Lines(PageJournal journal)
    {
        if (journal.Enclaves.Count == 0)
        {
            yield return "journal: no enclave";
        }

        foreach (EnclaveHistory enclave in journal.Enclaves)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"enclave {enclave.Enclave} at {enclave.BaseAddress}, 0x{enclave.Size:x} bytes, page by page:");
            foreach (string line in Table(enclave))
            {
                yield return line;
            }
        }

        if (journal.EnclavesLeftOut > 0)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"and {journal.EnclavesLeftOut} more enclaves");
        }

        if (journal.Leaves.Count > 0)
        {
            yield return "leaves (of EEXTEND one for a page): " + string.Join(", ", journal.Leaves.Select(leaf => string.Create(
                CultureInfo.InvariantCulture,
                $"{leaf.Key} {leaf.Value.Executed}{(leaf.Value.Refused == 0 ? "" : $" and {leaf.Value.Refused} refused")}")));
        }

        if (journal.Exits.Count > 0)
        {
            yield return "asynchronous exits: " + string.Join(", ", journal.Exits.Select(exit =>
                string.Create(CultureInfo.InvariantCulture, $"{exit.Key} {exit.Value}")));
        }

        if (journal.Unseen is var (entries, resumptions, exits) && entries + resumptions + exits > 0)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"without a stop, at which TCS is not known: EENTER {entries}, ERESUME {resumptions}, EEXIT {exits}; --engine=trap stops at each");
        }
    }

    /// <summary>The lines of one enclave.</summary>
    internal static IEnumerable<string> Table(EnclaveHistory enclave)
    {
        List<string[]> rows = [["OFFSET", "PAGES", "TYPE", "PERMISSIONS", "LEAVES AND FAULTS"]];
        rows.Add(["SECS", "1", enclave.Secs.Types, enclave.Secs.States, enclave.Secs.Text]);
        long moreRows = 0, morePages = 0;
        foreach ((LinearAddress first, int count, PageLife life, TcsCrossings? crossings) in enclave.Grouped())
        {
            if (rows.Count > MostRows)
            {
                (moreRows, morePages) = (moreRows + 1, morePages + count);
                continue;
            }

            rows.Add([$"0x{first - enclave.BaseAddress:x}", count.ToString(CultureInfo.InvariantCulture), life.Types, life.States,
                PageReport.EventsOf(life, crossings)]);
        }

        int[] widths = [.. Enumerable.Range(0, 4).Select(column => rows.Max(row => Math.Min(row[column].Length, MostOfPart)))];
        foreach (string[] row in rows)
        {
            yield return "  " + row[0].PadLeft(widths[0]) + "  " + row[1].PadLeft(widths[1]) + "  " + row[2].PadRight(widths[2]) + "  "
                + row[3].PadRight(widths[3]) + "  " + row[4];
        }

        if (moreRows > 0)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"  and {moreRows} more lines, of {morePages} pages");
        }
    }
}
