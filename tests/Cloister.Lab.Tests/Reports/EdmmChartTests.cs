using System.Globalization;
using System.Xml.Linq;
using Cloister.Lab.Costs;
using Cloister.Lab.Reports;
using Cloister.Lab.Tests.Harness;

namespace Cloister.Lab.Tests.Reports;

public class EdmmChartTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [Fact]
    public void It_is_well_formed_and_says_what_it_shows_in_which_unit()
    {
        ExperimentResult[] results = [
            .. AllocationWay.All.SelectMany(way => AllocationPattern.All, (way, pattern) => Results.Of(way, pattern, aex: 20, exits: 1))];
        string text = Text(Draw(results));
        Assert.All(AllocationWay.All, way => Assert.Contains(way.Title, text, StringComparison.Ordinal));
        Assert.All(AllocationPattern.All, pattern => Assert.Contains(pattern.Title, text, StringComparison.Ordinal));
        Assert.Contains("Exits per page used", text, StringComparison.Ordinal);
        Assert.Contains("thousands of cycles per page used, after EINIT", text, StringComparison.Ordinal);
        Assert.Contains("A range of 64 pages", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bar_is_as_long_as_its_number()
    {
        XElement chart = Draw([
            Results.Of(AllocationWay.Access, AllocationPattern.Every, aex: 30, exits: 10),
            Results.Of(AllocationWay.Accept, AllocationPattern.Every, aex: 10, exits: 0),
        ]);

        // The first block is that of exits: a dark and a light part for each way.
        double[] widths = [.. Bars(chart).Take(4).Select(bar => Number(bar, "width"))];
        Assert.Equal(3, widths[0] / widths[2], 2);
        Assert.Equal(3, widths[0] / widths[1], 2);
        Assert.Equal(0, widths[3]);
    }

    [Fact]
    public void Nothing_leaves_the_drawing()
    {
        XElement chart =
            Draw([Results.Of(AllocationWay.Static, AllocationPattern.OneInTen, used: 1, taken: 1000, aex: 5000, exits: 70000, adds: 1007)]);
        double width = Number(chart, "width"), height = Number(chart, "height");
        Assert.All(Bars(chart), bar =>
        {
            Assert.InRange(Number(bar, "x") + Number(bar, "width"), 0, width);
            Assert.InRange(Number(bar, "y") + Number(bar, "height"), 0, height);
        });
        Assert.All(chart.Descendants(Svg + "text"), text => Assert.InRange(Number(text, "y"), 0, height));
    }

    [Fact]
    public void It_prints_in_grey() => Assert.All(
        Draw([Results.Of(AllocationWay.Access, AllocationPattern.Every, aex: 1)]).Descendants().SelectMany(e => e.Attributes())
        .Where(a => a.Name == "fill" || a.Name == "stroke"),
        colour => Assert.True(IsGrey(colour.Value), colour.Value));

    [Fact]
    public void Cells_that_were_not_run_are_left_empty()
    {
        XElement chart = Draw([
            Results.Of(AllocationWay.Access, AllocationPattern.Every, aex: 1),
            Results.Of(AllocationWay.Accept, AllocationPattern.Jit, aex: 1),
        ]);

        // Two cells in each of four blocks, two parts each.
        Assert.Equal(16, Bars(chart).Count());
    }

    [Fact]
    public void It_names_what_is_not_in_the_estimate()
    {
        var use = new EventCounts { [MachineEvent.Eaug] = 1 };
        var result = new ExperimentResult(AllocationWay.Accept, AllocationPattern.Every, 1, 1,
            new EnclaveEvents(new EventCounts(), use), null, null);
        Assert.Contains("for want of a published figure: EAUG.", Text(Draw([result])), StringComparison.Ordinal);
    }

    private static XElement Draw(IReadOnlyList<ExperimentResult> results) =>
        XDocument.Parse(EdmmChart.Draw(results, 64, CostTable.Default)).Root!;

    private static string Text(XElement chart) => string.Join('\n', chart.Descendants(Svg + "text").Select(text => text.Value));

    // Bars are 9 pixels high and do not stand in a legend, which is square.
    private static IEnumerable<XElement> Bars(XElement chart) =>
        chart.Elements(Svg + "rect").Where(rect => (string?)rect.Attribute("height") == "9" && (string?)rect.Attribute("width") != "9");

    private static double Number(XElement element, string name) =>
        double.Parse(element.Attribute(name)!.Value, CultureInfo.InvariantCulture);

    private static bool IsGrey(string colour) => colour.Length == 4
        ? colour[1] == colour[2] && colour[2] == colour[3]
        : colour.Length == 7 && colour[1..3] == colour[3..5] && colour[3..5] == colour[5..7];
}
