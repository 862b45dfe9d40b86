using System.Text.Json;

namespace Cloister.Lab.Costs;

/// <summary>Published costs of events on SGX hardware: a file that anyone can edit. A figure without a source is refused.</summary>
public sealed class CostTable
{
    private const int Schema = 1;

    private CostTable(IReadOnlyList<Cost> costs) => Costs = costs;

    /// <summary>The costs, in the order of the file.</summary>
    public IReadOnlyList<Cost> Costs { get; }

    /// <summary>The text of the table that is used when there is no other.</summary>
    public static string DefaultText
    {
        get
        {
            using var reader = new StreamReader(typeof(CostTable).Assembly.GetManifestResourceStream("costs.json")!);
            return reader.ReadToEnd();
        }
    }

    /// <summary>The table that is used when there is no other.</summary>
    public static CostTable Default => Parse(DefaultText, out string? problem) ?? throw new InvalidOperationException(problem);

    /// <summary>Reads a table.</summary>
    /// <param name="text">JSON as in <see cref="DefaultText"/>.</param>
    /// <param name="problem">What is wrong with it, or null.</param>
    public static CostTable? Parse(string text, out string? problem)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text, new JsonDocumentOptions
            {
                CommentHandling = JsonCommentHandling.Skip,
                AllowTrailingCommas = true,
            });
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("schema", out JsonElement schema)
                || !schema.TryGetInt32(out int number) || number != Schema)
            {
                problem = $"\"schema\" is not {Schema}";
                return null;
            }

            if (!root.TryGetProperty("costs", out JsonElement list) || list.ValueKind != JsonValueKind.Array)
            {
                problem = "there is no list \"costs\"";
                return null;
            }

            return Read(list, out problem);
        }
        catch (JsonException e)
        {
            problem = $"not JSON: {e.Message}";
        }
        catch (InvalidOperationException)
        {
            problem = "a value is of the wrong kind";
        }

        return null;
    }

    /// <summary>The cost of an event, if the table has one.</summary>
    public Cost? this[MachineEvent machineEvent] => Costs.FirstOrDefault(cost => cost.Event == machineEvent);

    /// <summary>What counts come to.</summary>
    public Estimate Estimate(EventCounts counts)
    {
        ArgumentNullException.ThrowIfNull(counts);
        double low = 0, high = 0;
        var covered = new HashSet<MachineEvent>();
        foreach (Cost cost in Costs.Where(cost => cost.IsKnown))
        {
            low += counts[cost.Event] * cost.Low!.Value;
            high += counts[cost.Event] * cost.High!.Value;
            _ = covered.Add(cost.Event);
            if (counts[cost.Event] != 0)
            {
                covered.UnionWith(cost.Covers);
            }
        }

        return new Estimate(low, high, [.. counts.Present.Where(one => !covered.Contains(one))]);
    }

    private static CostTable? Read(JsonElement list, out string? problem)
    {
        var costs = new List<Cost>();
        foreach (JsonElement element in list.EnumerateArray())
        {
            string name = Text(element, "event") ?? "";
            if (MachineEventNames.Parse(name) is not { } machineEvent)
            {
                problem = $"there is no event \"{name}\"; there is {string.Join(", ", Enum.GetValues<MachineEvent>().Select(one => one.Name()))}";
                return null;
            }

            (double? low, double? high, string? source) = (Number(element, "low"), Number(element, "high"), Text(element, "source"));
            problem = (low, high) switch
            {
                _ when costs.Any(cost => cost.Event == machineEvent) => "it is there twice",
                (null, null) => null,
                (null, _) or (_, null) => "\"low\" and \"high\" go together",
                ( < 0, _) => "a cost below 0",
                _ when low > high => "\"low\" is above \"high\"",
                _ when string.IsNullOrWhiteSpace(source) => "a figure needs a \"source\"",
                _ => null,
            };
            IReadOnlyList<MachineEvent>? covers = problem is null ? Covered(element, out problem) : null;
            if (covers is null)
            {
                problem = $"{name}: {problem}";
                return null;
            }

            costs.Add(new Cost(machineEvent, low, high, covers, source, Text(element, "machine"), Text(element, "note")));
        }

        problem = null;
        return new CostTable(costs);
    }

    private static List<MachineEvent>? Covered(JsonElement element, out string? problem)
    {
        var covers = new List<MachineEvent>();
        problem = null;
        if (element.TryGetProperty("covers", out JsonElement names))
        {
            foreach (JsonElement name in names.EnumerateArray())
            {
                if (MachineEventNames.Parse(name.GetString() ?? "") is not { } machineEvent)
                {
                    problem = $"it covers \"{name}\", which is no event";
                    return null;
                }

                covers.Add(machineEvent);
            }
        }

        return covers;
    }

    private static string? Text(JsonElement element, string name) => element.TryGetProperty(name, out JsonElement value)
        ? value.GetString() : null;

    private static double? Number(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value.GetDouble() : null;
}
