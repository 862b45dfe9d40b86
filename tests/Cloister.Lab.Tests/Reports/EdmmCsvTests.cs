using Cloister.Lab.Costs;
using Cloister.Lab.Reports;
using Cloister.Lab.Tests.Harness;

namespace Cloister.Lab.Tests.Reports;

public class EdmmCsvTests
{
    [Fact]
    public void Each_line_has_a_value_for_each_name()
    {
        ExperimentResult timed = Results.Of(AllocationWay.Accept, AllocationPattern.Every, used: 4, taken: 5, aex: 6, exits: 7,
            time: TimeSpan.FromMicroseconds(2)) with
        {
            UseTimes = [TimeSpan.FromMicroseconds(3), TimeSpan.FromMicroseconds(1), TimeSpan.FromMicroseconds(2)],
        };
        using var text = new StringWriter();
        EdmmCsv.Write(text, [timed, Results.Of(AllocationWay.Static, AllocationPattern.Jit)], 16, CostTable.Default, 512);
        string[][] lines = [.. text.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(','))];
        Assert.Equal(3, lines.Length);
        Assert.All(lines, line => Assert.Equal(lines[0].Length, line.Length));
        Assert.Equal(lines[0].Length, lines[0].Distinct().Count());
        Assert.Equal(["accept", "v6.0", "every", "16", "512", "4", "5"], lines[1][..7]);
        Assert.Equal(("6", "7"), (Value("use AEX (#PF)", 1), Value("use EEXIT", 1)));
        Assert.Equal(("2000", "1000", "3000"), (Value("use ns", 1), Value("use ns least", 1), Value("use ns most", 1)));
        Assert.Equal(("", "", ""), (Value("use ns", 2), Value("use ns least", 2), Value("build ns", 2)));

        string Value(string name, int line) => lines[line][Array.IndexOf(lines[0], name)];
    }
}
