using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using Cloister.Lab;
using Cloister.Lab.Costs;

namespace Cloister.Cli.Tracing;

/// <summary>What a run would have cost on hardware, by cause: an estimate by the published figures of <c>lab costs</c>.</summary>
internal sealed record HardwareCost
{
    /// <summary>What it is.</summary>
    public const string WhatItIs = "an estimate: counts of this run times published figures, `cloister lab costs`";

    /// <summary>That it is an estimate, and by what.</summary>
    public string Note { get; init; } = WhatItIs;

    /// <summary>Cycles by the least of the published figures, all causes.</summary>
    public double Low { get; init; }

    /// <summary>Cycles by the most of them.</summary>
    public double High { get; init; }

    /// <summary>The most first.</summary>
    public IReadOnlyList<HardwareCause> Causes { get; init; } = [];

    /// <summary>Events that came and have no published figure: they are not in it.</summary>
    public IReadOnlyDictionary<string, long> WithoutCost { get; init; } = new Dictionary<string, long>();

    /// <summary>Whether nothing came that costs anything.</summary>
    [JsonIgnore]
    public bool IsEmpty => Causes.Count == 0 && WithoutCost.Count == 0;

    /// <summary>Of what was counted.</summary>
    /// <param name="counts">Events.</param>
    public static HardwareCost Of(EventCounts counts)
    {
        CostTable table = CostTable.Default;
        Estimate estimate = table.Estimate(counts);
        var missing = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (MachineEvent one in estimate.Missing)
        {
            missing[one.Name()] = counts[one];
        }

        return new HardwareCost
        {
            Low = estimate.Low,
            High = estimate.High,
            Causes = [.. table.Costs.Where(cost => cost.IsKnown && counts[cost.Event] > 0)
                .Select(cost => new HardwareCause(cost.Event.Name(), counts[cost.Event], counts[cost.Event] * cost.Low!.Value,
                    counts[cost.Event] * cost.High!.Value, cost.Source!))
                .OrderByDescending(cause => cause.High)],
            WithoutCost = missing,
        };
    }

    /// <summary>As a table; empty where there is nothing in it.</summary>
    public string Text()
    {
        if (IsEmpty)
        {
            return "";
        }

        var text = new StringBuilder();
        _ = text.Append(CultureInfo.InvariantCulture,
            $"on hardware {Millions(Low)} to {Millions(High)} million cycles ({WhatItIs}):\n");
        foreach (HardwareCause cause in Causes)
        {
            _ = text.Append(CultureInfo.InvariantCulture,
                $"{Millions(cause.Low),12} {"to",3} {Millions(cause.High),12}  {cause.Count} {cause.Event}: {cause.Source.Split([',', '('])[0].TrimEnd()}\n");
        }

        if (WithoutCost.Count > 0)
        {
            string missing = string.Join(", ", WithoutCost.Select(one => $"{one.Value} {one.Key}"));
            _ = text.Append(CultureInfo.InvariantCulture, $"not in it, for no figure was published: {missing}\n");
        }

        return text.ToString();
    }

    private static string Millions(double cycles) => (cycles / 1e6).ToString("f3", CultureInfo.InvariantCulture);
}
