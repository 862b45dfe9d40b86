using System.Text.Json;
using Cloister.Images;
using Cloister.Lab;

namespace Cloister.Cli.Lab;

/// <summary>A result that <c>lab edmm --json</c> printed.</summary>
/// <param name="Pages">Pages of the range.</param>
/// <param name="EpcPages">Pages of the EPC; null for as many as nothing is evicted with.</param>
/// <param name="Cells">What came out for each way and pattern.</param>
internal sealed record EdmmFile(int Pages, int? EpcPages, IReadOnlyList<EdmmFile.Cell> Cells)
{
    /// <summary>Reads it.</summary>
    /// <exception cref="ImageException">It is no such result.</exception>
    public static EdmmFile Read(FileInfo file)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(InputFile.Bytes(file));
            JsonElement root = document.RootElement;
            return new EdmmFile(root.GetProperty("pages").GetInt32(),
                root.TryGetProperty("epcPages", out JsonElement epc) && epc.ValueKind == JsonValueKind.Number ? epc.GetInt32() : null,
                [.. root.GetProperty("results").EnumerateArray().Select(CellOf)]);
        }
        catch (Exception wrong) when (wrong is JsonException or KeyNotFoundException or InvalidOperationException or FormatException
            or OverflowException)
        {
            throw new ImageException($"{file}: no result of `cloister lab edmm --json`");
        }
    }

    private static Cell CellOf(JsonElement cell)
    {
        JsonElement use = cell.GetProperty("use");
        double[] each = use.TryGetProperty("nanosecondsEach", out JsonElement times)
            ? [.. times.EnumerateArray().Select(time => time.GetDouble())] : [];
        return new Cell(cell.GetProperty("way").GetString()!, cell.GetProperty("pattern").GetString()!,
            cell.GetProperty("pagesUsed").GetInt32(), cell.GetProperty("pagesTaken").GetInt64(), Events(cell.GetProperty("build")),
            Events(use),
            use.GetProperty("nanosecondsHere") is { ValueKind: JsonValueKind.Number } median ? median.GetDouble() : null, each);
    }

    // Other versions may count other events.
    private static Dictionary<MachineEvent, long> Events(JsonElement phase)
    {
        var counts = new Dictionary<MachineEvent, long>();
        foreach (JsonProperty one in phase.GetProperty("events").EnumerateObject())
        {
            if (MachineEventNames.Parse(one.Name) is { } known)
            {
                counts[known] = one.Value.GetInt64();
            }
        }

        return counts;
    }

    /// <summary>What came out for one way and one pattern.</summary>
    /// <param name="Way">The way's name.</param>
    /// <param name="Pattern">The pattern's.</param>
    /// <param name="PagesUsed">Pages that were used.</param>
    /// <param name="PagesTaken">Pages that were in the EPC at the end.</param>
    /// <param name="Build">Counts before EINIT.</param>
    /// <param name="Use">Counts from then on.</param>
    /// <param name="Time">Nanoseconds of the use here, median; null when it was not measured.</param>
    /// <param name="Times">Each of them.</param>
    internal sealed record Cell(
        string Way,
        string Pattern,
        int PagesUsed,
        long PagesTaken,
        IReadOnlyDictionary<MachineEvent, long> Build,
        IReadOnlyDictionary<MachineEvent, long> Use,
        double? Time,
        IReadOnlyList<double> Times);
}
