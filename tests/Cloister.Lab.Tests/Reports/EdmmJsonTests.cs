using System.Text.Json;
using Cloister.Lab.Costs;
using Cloister.Lab.Reports;
using Cloister.Lab.Tests.Harness;

namespace Cloister.Lab.Tests.Reports;

public class EdmmJsonTests
{
    [Fact]
    public void It_has_counts_times_estimates_and_the_sources_of_the_costs()
    {
        using JsonDocument document =
            Write([Results.Of(AllocationWay.Augment, AllocationPattern.Jit, used: 4, taken: 16, exits: 2,
                time: TimeSpan.FromMicroseconds(3))]);
        JsonElement result = Assert.Single(document.RootElement.GetProperty("results").EnumerateArray());
        Assert.Equal(("augment", "edmm-augment", "jit"), (Text(result, "way"), Text(result, "uapi"), Text(result, "pattern")));
        Assert.Equal((4, 16), (result.GetProperty("pagesUsed").GetInt32(), result.GetProperty("pagesTaken").GetInt32()));
        JsonElement use = result.GetProperty("use");
        Assert.Equal(2, use.GetProperty("events").GetProperty("EEXIT").GetInt32());
        Assert.Equal(Enum.GetValues<MachineEvent>().Select(one => one.Name()), use.GetProperty("events").EnumerateObject()
            .Select(member => member.Name));
        Assert.Equal(3000, use.GetProperty("nanosecondsHere").GetDouble());
        Cost exit = CostTable.Default[MachineEvent.Eexit]!;
        Assert.Equal(2 * exit.Low!.Value, use.GetProperty("estimatedCycles").GetProperty("low").GetDouble());
        Assert.Contains(document.RootElement.GetProperty("costs").EnumerateArray(),
            cost => Text(cost, "event") == "EEXIT" && Text(cost, "source") == exit.Source);
    }

    [Fact]
    public void A_time_that_was_not_taken_is_null()
    {
        using JsonDocument document = Write([Results.Of(AllocationWay.Accept, AllocationPattern.Every)]);
        Assert.Equal(JsonValueKind.Null, document.RootElement.GetProperty("results")[0].GetProperty("build")
            .GetProperty("nanosecondsHere").ValueKind);
    }

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();

    private static JsonDocument Write(IReadOnlyList<ExperimentResult> results)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            EdmmJson.Write(writer, results, 16, CostTable.Default);
            writer.WriteEndObject();
        }

        return JsonDocument.Parse(stream.ToArray());
    }
}
