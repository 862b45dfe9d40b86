using System.Text.Json;
using Cloister.Driver;
using Cloister.Lab.Costs;

namespace Cloister.Lab.Reports;

/// <summary>The result as members of a JSON object. Times are in nanoseconds, costs in processor cycles.</summary>
public static class EdmmJson
{
    /// <summary>Writes it.</summary>
    /// <param name="writer">Inside an object.</param>
    /// <param name="results">All of an experiment.</param>
    /// <param name="pages">Pages of the range.</param>
    /// <param name="costs">The costs the estimate is made by.</param>
    /// <param name="epcPages">Pages of the EPC; null for as many as nothing is evicted with.</param>
    public static void Write(Utf8JsonWriter writer, IReadOnlyList<ExperimentResult> results, int pages, CostTable costs,
        int? epcPages = null)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(costs);
        writer.WriteNumber("pages", pages);
        Number(writer, "epcPages", epcPages);
        writer.WriteStartArray("results");
        foreach (ExperimentResult result in results)
        {
            writer.WriteStartObject();
            writer.WriteString("way", result.Way.Id);
            writer.WriteString("uapi", result.Way.Generation.Name());
            writer.WriteString("pattern", result.Pattern.Id);
            writer.WriteNumber("pagesUsed", result.PagesUsed);
            writer.WriteNumber("pagesTaken", result.PagesTaken);
            Phase(writer, "build", result.Events.Build, result.BuildTime, result.BuildTimes, costs);
            Phase(writer, "use", result.Events.Use, result.UseTime, result.UseTimes, costs);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("costs");
        foreach (Cost cost in costs.Costs)
        {
            writer.WriteStartObject();
            writer.WriteString("event", cost.Event.Name());
            Number(writer, "low", cost.Low);
            Number(writer, "high", cost.High);
            writer.WriteStartArray("covers");
            foreach (MachineEvent covered in cost.Covers)
            {
                writer.WriteStringValue(covered.Name());
            }

            writer.WriteEndArray();
            writer.WriteString("source", cost.Source);
            writer.WriteString("machine", cost.Machine);
            writer.WriteString("note", cost.Note);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void Phase(Utf8JsonWriter writer, string name, EventCounts events, TimeSpan? time, IReadOnlyList<TimeSpan> times,
        CostTable costs)
    {
        Estimate estimate = costs.Estimate(events);
        writer.WriteStartObject(name);
        writer.WriteStartObject("events");
        foreach (MachineEvent one in Enum.GetValues<MachineEvent>())
        {
            writer.WriteNumber(one.Name(), events[one]);
        }

        writer.WriteEndObject();
        Number(writer, "nanosecondsHere", time?.TotalNanoseconds);
        writer.WriteStartArray("nanosecondsEach");
        foreach (TimeSpan one in times)
        {
            writer.WriteNumberValue(one.TotalNanoseconds);
        }

        writer.WriteEndArray();
        writer.WriteStartObject("estimatedCycles");
        writer.WriteNumber("low", estimate.Low);
        writer.WriteNumber("high", estimate.High);
        writer.WriteStartArray("withoutCost");
        foreach (MachineEvent missing in estimate.Missing)
        {
            writer.WriteStringValue(missing.Name());
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void Number(Utf8JsonWriter writer, string name, double? value)
    {
        if (value is { } number)
        {
            writer.WriteNumber(name, number);
        }
        else
        {
            writer.WriteNull(name);
        }
    }
}
