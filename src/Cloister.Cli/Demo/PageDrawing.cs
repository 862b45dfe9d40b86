using Cloister.Architecture;
using Cloister.Cli.Journal;
using Cloister.Lab.Reports;
using static Cloister.Lab.Reports.SvgDocument;

namespace Cloister.Cli.Demo;

/// <summary>
/// A journal as a picture: a row for each page, or for neighbours that lived the same life, and in it a box for each leaf and fault.
/// </summary>
internal static class PageDrawing
{
    private const double Left = 12, Top = 44, RowHeight = 30, BoxHeight = 20, BoxGap = 5, LetterWidth = 5.9, Padding = 7, Margin = 12;
    private const double OffsetColumn = 0, PagesColumn = 62, TypeColumn = 112, BoxesColumn = 200, LegendStep = 150;
    private const string Ink = "#202020", Faint = "#666", Rule = "#e4e4e4";

    private static readonly (string Name, string Fill, string[] Leaves)[] s_kinds =
    [
        ("before EINIT", "#cfe2f3", ["ECREATE", "EADD", "EEXTEND", "EINIT"]),
        ("a new page (SGX2)", "#d5ead0", ["EAUG", "EACCEPT", "EACCEPTCOPY"]),
        ("a change (SGX2)", "#fce5b0", ["EMODPR", "EMODPE", "EMODT"]),
        ("a fault", "#f6cfcb", []),
        ("entered and left", "#e0d5ee", ["EENTER", "EEXIT", "ERESUME", "AEX"]),
        ("the end", "#e2e2e2", ["EREMOVE", "EWB", "EBLOCK", "ELDU"]),
    ];

    /// <summary>Draws the first enclave of a journal, without the addresses that differ from run to run.</summary>
    public static string Draw(PageJournal journal)
    {
        var svg = new SvgDocument();
        svg.Text(Left, 20, "What happened to an SGX2 enclave, page by page", size: 13, bold: true, colour: Ink);
        double y = Top, right = Left + (LegendStep * s_kinds.Length);
        foreach ((string title, double column) in ((string, double)[])[("Offset", OffsetColumn), ("Pages", PagesColumn),
            ("Type", TypeColumn), ("Leaves and faults, in their order", BoxesColumn)])
        {
            svg.Text(Left + column, y, title, size: 10, colour: Faint);
        }

        y += 10;
        if (journal.Enclaves.FirstOrDefault() is { } enclave)
        {
            right = Math.Max(right, Row(svg, ref y, "SECS", 1, enclave.Secs, null));
            foreach ((LinearAddress first, int count, PageLife life, TcsCrossings? crossings) in enclave.Grouped())
            {
                right = Math.Max(right, Row(svg, ref y, $"0x{first - enclave.BaseAddress:x5}", count, life, crossings));
            }
        }

        y += 18;
        for (int i = 0; i < s_kinds.Length; i++)
        {
            double x = Left + (i * LegendStep);
            svg.Rectangle(x, y - 10, 12, 12, s_kinds[i].Fill, radius: 2);
            svg.Text(x + 18, y, s_kinds[i].Name, size: 10, colour: Faint);
        }

        return svg.Finish(right + Margin, y + Margin, "The pages of an SGX2 enclave and what happened to each");
    }

    private static double Row(SvgDocument svg, ref double y, string offset, int count, PageLife life, TcsCrossings? crossings)
    {
        double middle = y + (RowHeight / 2) + 3.5;
        svg.Stroke(Left, y, Left + 1060, y, Rule);
        svg.Text(Left + OffsetColumn, middle, offset, size: 10, colour: Ink);
        svg.Text(Left + PagesColumn, middle, $"{count}", size: 10, colour: Ink);
        svg.Text(Left + TypeColumn, middle, life.Types, size: 10, colour: Ink);

        // A page is removed after all that it saw.
        int last = life.Events is [.., { What: "EREMOVE" }] ? 1 : 0;
        (string What, int Times)[] events = [.. life.Events.Select(e => (e.What, e.Times))];
        IEnumerable<(string What, int Times)> boxes = [.. events.SkipLast(last), .. crossings?.All ?? [], .. events.TakeLast(last)];
        double x = Left + BoxesColumn;
        foreach ((string what, int times) in boxes)
        {
            string text = PageLife.Times(what, times);
            double width = (text.Length * LetterWidth) + (2 * Padding);
            svg.Rectangle(x, y + ((RowHeight - BoxHeight) / 2), width, BoxHeight, Fill(what), radius: 4);
            svg.Text(x + (width / 2), middle, text, Anchor.Middle, 9, colour: Ink);
            x += width + BoxGap;
        }

        y += RowHeight;
        return x;
    }

    // A leaf that was refused by a fault is a fault.
    private static string Fill(string what) => what.Contains('(', StringComparison.Ordinal)
        ? s_kinds[3].Fill
        : Array.Find(s_kinds, kind => kind.Leaves.Contains(what)).Fill ?? s_kinds[^1].Fill;
}
