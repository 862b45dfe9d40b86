using Cloister.Lab.Costs;

namespace Cloister.Lab.Tests.Costs;

public class CostTableTests
{
    [Fact]
    public void Every_figure_of_the_default_table_has_a_source_and_every_other_says_why_not() => Assert.All(CostTable.Default.Costs, cost =>
    {
        Assert.Equal(cost.IsKnown, !string.IsNullOrWhiteSpace(cost.Source));
        Assert.True(cost.IsKnown || cost.Note is not null, cost.Event.Name());
        Assert.True(cost.Low <= cost.High || !cost.IsKnown, cost.Event.Name());
    });

    [Fact]
    public void Events_with_a_cost_are_multiplied_and_summed()
    {
        CostTable table =
            Parse("""{ "event": "EENTER", "low": 10, "high": 20, "source": "s" }, { "event": "EEXIT", "low": 1, "high": 2, "source": "s" }""");
        Estimate estimate = table.Estimate(Counts((MachineEvent.Eenter, 3), (MachineEvent.Eexit, 5)));
        Assert.Equal((35, 70), (estimate.Low, estimate.High));
        Assert.Empty(estimate.Missing);
    }

    [Fact]
    public void Events_without_a_figure_are_left_out_and_named()
    {
        CostTable table = Parse("""{ "event": "EAUG", "low": null, "high": null, "source": null, "note": "none" }""");
        Estimate estimate = table.Estimate(Counts((MachineEvent.Eaug, 3), (MachineEvent.Eaccept, 1)));
        Assert.Equal((0, 0), (estimate.Low, estimate.High));
        Assert.Equal([MachineEvent.Eaug, MachineEvent.Eaccept], estimate.Missing);
    }

    [Fact]
    public void A_cost_can_have_others_in_it_where_it_happens()
    {
        CostTable table = Parse("""{ "event": "AEX (#PF)", "low": 7, "high": 9, "covers": ["ERESUME", "page fault"], "source": "s" }""");
        Assert.Empty(
            table.Estimate(Counts((MachineEvent.AexPageFault, 2), (MachineEvent.Eresume, 2), (MachineEvent.PageFault, 2))).Missing);
        Assert.Equal([MachineEvent.Eresume], table.Estimate(Counts((MachineEvent.Eresume, 2))).Missing);
    }

    [Theory]
    [InlineData("not JSON at all", "not JSON")]
    [InlineData("[]", "schema")]
    [InlineData("""{ "schema": 2, "costs": [] }""", "schema")]
    [InlineData("""{ "schema": 1 }""", "no list")]
    [InlineData("""{ "schema": 1, "costs": [{ "event": "EPANIC" }] }""", "no event \"EPANIC\"")]
    [InlineData("""{ "schema": 1, "costs": [{ "event": "EENTER", "low": 1, "high": 2 }] }""", "needs a \"source\"")]
    [InlineData("""{ "schema": 1, "costs": [{ "event": "EENTER", "low": 1, "high": 2, "source": " " }] }""", "needs a \"source\"")]
    [InlineData("""{ "schema": 1, "costs": [{ "event": "EENTER", "low": 1, "source": "s" }] }""", "go together")]
    [InlineData("""{ "schema": 1, "costs": [{ "event": "EENTER", "low": 3, "high": 2, "source": "s" }] }""", "above")]
    [InlineData("""{ "schema": 1, "costs": [{ "event": "EENTER", "low": -3, "high": 2, "source": "s" }] }""", "below 0")]
    [InlineData("""{ "schema": 1, "costs": [{ "event": "EENTER" }, { "event": "EENTER" }] }""", "twice")]
    [InlineData("""{ "schema": 1, "costs": [{ "event": "EENTER", "covers": ["EPANIC"] }] }""", "EPANIC")]
    [InlineData("""{ "schema": 1, "costs": [{ "event": 5 }] }""", "wrong kind")]
    [InlineData("""{ "schema": 1, "costs": [7] }""", "wrong kind")]
    public void What_is_wrong_with_a_table_is_said(string text, string words)
    {
        Assert.Null(CostTable.Parse(text, out string? problem));
        Assert.Contains(words, problem, StringComparison.Ordinal);
    }

    private static CostTable Parse(string costs)
    {
        CostTable? table = CostTable.Parse($$"""{ "schema": 1, "costs": [{{costs}}] }""", out string? problem);
        Assert.Null(problem);
        return table!;
    }

    private static EventCounts Counts(params (MachineEvent Event, long Count)[] counts)
    {
        var result = new EventCounts();
        foreach ((MachineEvent one, long count) in counts)
        {
            result[one] = count;
        }

        return result;
    }
}
