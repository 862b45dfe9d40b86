using System.Text;
using Cloister.Architecture;
using Cloister.Images;
using Spectre.Console;

namespace Cloister.Cli.Commands;

/// <summary>An enclave's address space as rows of characters: what most of the pages behind each of them are.</summary>
internal static class AddressSpaceDrawing
{
    private const int Columns = 64;
    private const int MaximumRows = 16;

    // In the order of precedence: a single TCS in a cell is shown, however much data lies around it.
    private static readonly (char Mark, string Style, string Meaning)[] Kinds =
    [
        ('T', "red", "TCS"), ('!', "bold red", "writable code"), ('x', "green", "code"), ('w', "blue", "data"),
        ('r', "cyan", "read-only"), ('u', "grey", "added, not measured"),
    ];

    public static void Draw(PageMap map, ulong size)
    {
        ulong pages = size / LinearAddress.PageSize;
        ulong perCell = 1;
        while (pages > perCell * Columns * MaximumRows)
        {
            perCell *= 2;
        }

        int cells = (int)Math.Max((pages + perCell - 1) / perCell, 1);
        sbyte[] kinds = new sbyte[cells];
        Array.Fill(kinds, (sbyte)-1);
        foreach (PageRun run in map.Runs)
        {
            sbyte kind = KindOf(run);
            ulong first = run.Offset / LinearAddress.PageSize / perCell;
            ulong last = ((run.Offset / LinearAddress.PageSize) + run.Count - 1) / perCell;
            for (ulong cell = first; run.Count > 0 && cell <= last && cell < (ulong)cells; cell++)
            {
                kinds[cell] = kinds[cell] < 0 ? kind : Math.Min(kinds[cell], kind);
            }
        }

        Terminal.Output.WriteLine($"One character is {perCell * LinearAddress.PageSize / 1024} KiB:");
        for (int row = 0; row < cells; row += Columns)
        {
            Terminal.Output.MarkupLine(
                $"{(ulong)row * perCell * LinearAddress.PageSize,14:x} {Line(kinds.AsSpan(row, Math.Min(Columns, cells - row)))}");
        }

        Terminal.Output.MarkupLine(string.Join(", ", Kinds.Where((_, i) => kinds.Contains((sbyte)i))
            .Select(kind => $"[{kind.Style}]{kind.Mark}[/] {kind.Meaning}")) + ", . nothing");
    }

    private static string Line(ReadOnlySpan<sbyte> kinds)
    {
        var line = new StringBuilder();
        for (int i = 0; i < kinds.Length;)
        {
            int count = kinds[i..].IndexOfAnyExcept(kinds[i]);
            count = count < 0 ? kinds.Length - i : count;
            line.Append(kinds[i] < 0 ? new string('.', count) : $"[{Kinds[kinds[i]].Style}]{new string(Kinds[kinds[i]].Mark, count)}[/]");
            i += count;
        }

        return line.ToString();
    }

    private static sbyte KindOf(PageRun run)
    {
        if (run.PageType == PageType.Tcs)
        {
            return 0;
        }

        bool writable = (run.Flags & SecinfoFlags.W) != 0;
        bool executable = (run.Flags & SecinfoFlags.X) != 0;
        return (sbyte)((writable, executable) switch
        {
            (true, true) => 1,
            (false, true) => 2,
            _ when run.IsUnmeasured => 5,
            (true, false) => 3,
            _ => 4,
        });
    }
}
