using Cloister.Architecture;
using Cloister.Images;
using Spectre.Console;

namespace Cloister.Cli.Commands;

/// <summary>The human form of inspect: tables, and the address space as a picture.</summary>
internal static class InspectText
{
    private const int ShownRuns = 48;
    private const int ShownBytes = 16;

    public static void Print(EnclaveImage image, IReadOnlyList<Inspection> inspections, bool all)
    {
        Table table = Plain("", "");
        table.HideHeaders();
        Row(table, "format", image.FormatName);
        Row(table, "file", $"{image.Source.Length} bytes");
        foreach (Detail detail in image.Details)
        {
            Row(table, detail.Name, detail.Value);
        }

        if (image.Code.Count > 0)
        {
            Row(table, "ENCLU", $"{EncluSearch.Count(image)} times in {image.Code.Sum(range => range.Length)} bytes of code");
        }

        if (image.Imports.Count > 0)
        {
            Row(table, "imports", string.Join(", ", image.Imports.Take(8)) + (image.Imports.Count > 8 ? ", ..." : ""));
        }

        Terminal.Output.Write(table);
        foreach (Inspection inspection in inspections)
        {
            Print(inspection, all);
        }
    }

    private static void Print(Inspection inspection, bool all)
    {
        EnclaveVariant variant = inspection.Variant;
        Terminal.Output.WriteLine();
        Terminal.Output.MarkupLine($"[bold]{Markup.Escape(variant.Name)}[/]");
        Table facts = Plain("", "");
        facts.HideHeaders();
        if (variant.Size > 0)
        {
            Row(facts, "enclave size", $"0x{variant.Size:x} ({Size(variant.Size)})");
            Row(facts, "SSA frame", $"{variant.SsaFrameSize} pages");
        }

        if (variant.Attributes is { } asked)
        {
            Row(facts, "asks for", $"{SigstructText.Describe(asked.Flags)}; XFRM {SigstructText.DescribeXfrm(asked.Xfrm)}");
        }

        if (variant.SigstructPath is { } path)
        {
            Row(facts, "SIGSTRUCT in", path);
        }

        foreach (Detail detail in variant.Details)
        {
            Row(facts, detail.Name, detail.Value);
        }

        Terminal.Output.Write(facts);
        if (variant.Sigstruct is { } sigstruct)
        {
            PrintSigstruct(in sigstruct, all);
        }

        if (inspection.Map is { } map)
        {
            PrintMap(map, variant, all);
        }
        else
        {
            Terminal.Output.WriteLine($"Pages: {variant.PagesMissing}");
        }

        PrintFindings(inspection.Findings);
    }

    private static void PrintSigstruct(in Sigstruct sigstruct, bool all)
    {
        Table table = Plain("SIGSTRUCT", "value", "meaning");
        foreach (SigstructField field in SigstructText.Fields(in sigstruct))
        {
            string value = all || field.Size <= 2 * ShownBytes || field.Value.Length <= 4 * ShownBytes ? field.Value
                : $"{field.Value[..(2 * ShownBytes)]}...";
            table.AddRow(Markup.Escape(field.Name), Markup.Escape(value), Markup.Escape(field.Meaning ?? ""));
        }

        Terminal.Output.Write(table);
    }

    private static void PrintMap(PageMap map, EnclaveVariant variant, bool all)
    {
        Table table = Plain("pages", "from", "to", "number", "type", "EEXTEND");
        foreach (PageRun run in all ? map.Runs : map.Runs.Take(ShownRuns))
        {
            string measured = run.IsMeasured ? "all" : run.IsUnmeasured ? "none" : $"{run.MeasuredChunks.Length} of 16";
            table.AddRow(Markup.Escape(run.Name), $"0x{run.Offset:x}", $"0x{run.End:x}", $"{run.Count}", PageText.Of(run.Flags), measured);
        }

        Terminal.Output.Write(table);
        if (map.IsCut || (!all && map.Runs.Count > ShownRuns))
        {
            Terminal.Output.WriteLine(
                $"and {map.Runs.Count - ShownRuns}{(map.IsCut ? " or more" : "")} further runs{(all ? "" : "; --all lists them")}");
        }

        Terminal.Output.WriteLine($"{map.Pages} pages, {map.MeasuredPages} of them measured, {map.Tcs.Count} TCS");
        AddressSpaceDrawing.Draw(map, variant.Size);
    }

    private static void PrintFindings(IReadOnlyList<Finding> findings)
    {
        if (findings.Count == 0)
        {
            Terminal.Output.WriteLine("A reviewer would raise nothing.");
            return;
        }

        Terminal.Output.WriteLine("A reviewer would raise:");
        foreach (Finding finding in findings)
        {
            Terminal.Write($"  [yellow]{Markup.Escape(finding.Code)}[/]");
            int begin = finding.Code.Length + 4;
            string[] lines = Terminal.Width is { } width
                ? [.. WrappedText.Of(finding.Text, Math.Max(width - 4, 20), Math.Max(width - begin, 20))] : [finding.Text];
            Console.WriteLine($"  {string.Join("\n    ", lines)}");
        }
    }

    private static Table Plain(params string[] columns)
    {
        var table = new Table { Border = TableBorder.None, ShowHeaders = true };
        foreach (string column in columns)
        {
            table.AddColumn(new TableColumn(Markup.Escape(column)) { NoWrap = false, Padding = new Padding(0, 0, 2, 0) });
        }

        return table;
    }

    private static void Row(Table table, string name, string value) => table.AddRow(Markup.Escape(name), Markup.Escape(value));

    private static string Size(ulong bytes) => bytes >= 1UL << 30 ? $"{bytes / (double)(1UL << 30):0.##} GiB"
        : bytes >= 1UL << 20 ? $"{bytes / (double)(1UL << 20):0.##} MiB" : $"{bytes / 1024.0:0.##} KiB";
}
