using System.Text.Json;
using System.Xml.Linq;
using Cloister.Cli.Commands;
using Cloister.Cli.Tests.Harness;
using Cloister.Lab;
using Cloister.Linux;

namespace Cloister.Cli.Tests.Commands;

/// <summary>The experiment as a whole: every way and pattern, counted by the machine.</summary>
public class LabCommandTests
{
    private const int Pages = 40;

    // What every enclave does whatever the way: its own code, its thread's pages, the page where code is emitted.
    private const int AtMostFixedFaults = 8;

    private static readonly Lazy<JsonElement> s_experiment = new(() =>
    {
        CloisterProcess.Outcome outcome = CloisterProcess.Run(["lab", "edmm", "--pages", $"{Pages}", "--repeats", "0", "--json"]);
        Assert.True(outcome.Status == 0, outcome.Error);
        return JsonDocument.Parse(outcome.Output).RootElement;
    });

    public static TheoryData<string, int> Patterns { get; } = new()
    {
        { "every", Pages },
        { "tenth", Pages / 10 },
        { "random", AllocationPattern.Random.Uses(Pages).Count(use => use.First) },
        { "jit", Pages / 4 },
    };

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Access_first_leaves_twice_and_enters_a_handler_for_each_page(string pattern, int used)
    {
        JsonElement cell = Cell("access", pattern, used, taken: used);
        Counted(cell, "AEX (#PF)", 2 * used);
        Assert.Equal(used + 1, Count(cell, "EENTER"));
        Assert.Equal(used + 1, Count(cell, "EEXIT"));
        Assert.Equal((used, used, 0), (Count(cell, "EAUG"), Accepts(cell), Count(cell, "ioctl")));
    }

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Eaccept_first_leaves_once_for_each_page(string pattern, int used)
    {
        JsonElement cell = Cell("accept", pattern, used, taken: used);
        Counted(cell, "AEX (#PF)", used);
        Assert.Equal((1, 1), (Count(cell, "EENTER"), Count(cell, "EEXIT")));
        Assert.Equal((used, used, 0), (Count(cell, "EAUG"), Accepts(cell), Count(cell, "ioctl")));
    }

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Map_populate_takes_all_pages_and_leaves_for_none_but_to_fetch_from_it(string pattern, int used)
    {
        // V2's page table entries are for reading and writing until the page is fetched from.
        JsonElement cell = Cell("populate", pattern, used, taken: Pages);
        Counted(cell, "AEX (#PF)", pattern == "jit" ? used : 0);
        Assert.Equal((1, 1), (Count(cell, "EENTER"), Count(cell, "EEXIT")));
        Assert.Equal((Pages, used, 0), (Count(cell, "EAUG"), Accepts(cell), Count(cell, "ioctl")));
    }

    [Theory]
    [MemberData(nameof(Patterns))]
    public void One_augment_takes_all_pages_and_each_still_faults_in(string pattern, int used)
    {
        JsonElement cell = Cell("augment", pattern, used, taken: Pages);
        Counted(cell, "AEX (#PF)", used);
        Assert.Equal((1, 1, 1), (Count(cell, "EENTER"), Count(cell, "EEXIT"), Count(cell, "ioctl")));
        Assert.Equal((Pages, used), (Count(cell, "EAUG"), Accepts(cell)));
    }

    [Theory]
    [MemberData(nameof(Patterns))]
    public void An_augment_for_each_page_leaves_for_each(string pattern, int used)
    {
        JsonElement cell = Cell("augment-each", pattern, used, taken: used);
        Counted(cell, "AEX (#PF)", used);
        Assert.Equal((used + 1, used + 1, used), (Count(cell, "EENTER"), Count(cell, "EEXIT"), Count(cell, "ioctl")));
        Assert.Equal((used, used), (Count(cell, "EAUG"), Accepts(cell)));
    }

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Static_pages_are_added_and_measured_before_einit(string pattern, int used)
    {
        JsonElement cell = Cell("static", pattern, used, taken: Pages), build = cell.GetProperty("build").GetProperty("events");
        Assert.Equal((0, 0, 0), (Count(cell, "EAUG"), Accepts(cell), Count(cell, "ioctl")));
        int added = build.GetProperty("EADD").GetInt32();
        Assert.InRange(added, Pages + 1, Pages + AtMostFixedFaults);
        Assert.Equal(16 * added, build.GetProperty("EEXTEND").GetInt32());
        Assert.Equal((1, 1), (build.GetProperty("ECREATE").GetInt32(), build.GetProperty("EINIT").GetInt32()));
    }

    [Fact]
    public void Tables_chart_and_time_come_out_of_one_run()
    {
        using var directory = new TemporaryDirectory();
        string chart = Path.Combine(directory.Path, "edmm.svg");
        CloisterProcess.Outcome outcome =
            CloisterProcess.Run(
                ["lab", "edmm", "--pages", "10", "--repeats", "1", "--ways", "accept,augment", "--patterns", "every,jit", "--svg", chart]);
        Assert.Equal((0, ""), (outcome.Status, outcome.Error));
        Assert.Matches(@"EACCEPT first +1\d +1 +0 +1\d +10 +10 +7", outcome.Output);
        Assert.Matches(@"AUGMENT all +1( +[\d,.]+){2} ", outcome.Output);
        Assert.Contains("No source, and so left out of the estimates: EAUG, EACCEPT, EACCEPTCOPY.", outcome.Output,
            StringComparison.Ordinal);
        Assert.Contains("Exits per page used", XDocument.Load(chart).Root!.Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Costs_can_be_printed_edited_and_given_back()
    {
        CloisterProcess.Outcome printed = CloisterProcess.Run(["lab", "costs"]);
        Assert.Equal(0, printed.Status);
        using var directory = new TemporaryDirectory();
        string costs =
            directory.Write("costs.json", """{ "schema": 1, "costs": [{ "event": "EAUG", "low": 5, "high": 6, "source": "a test" }] }""");
        CloisterProcess.Outcome outcome =
            CloisterProcess.Run(
                ["lab", "edmm", "--pages", "10", "--repeats", "0", "--ways", "accept", "--patterns", "every", "--json", "--costs", costs]);
        Assert.Equal(0, outcome.Status);
        using JsonDocument document = JsonDocument.Parse(outcome.Output);
        JsonElement cycles = document.RootElement.GetProperty("results")[0].GetProperty("use").GetProperty("estimatedCycles");
        Assert.Equal((50, 60), (cycles.GetProperty("low").GetInt32(), cycles.GetProperty("high").GetInt32()));
        Assert.Null(Cloister.Lab.Costs.CostTable.Parse("", out _));
        Assert.NotNull(Cloister.Lab.Costs.CostTable.Parse(printed.Output, out _));
    }

    [Theory]
    [InlineData("there is no way x", "--ways", "accept,x")]
    [InlineData("there is no pattern x", "--patterns", "x")]
    [InlineData("from 1 to", "--pages", "0")]
    [InlineData("from 0 to", "--repeats", "-1")]
    [InlineData("--costs", "--costs", "/nonexistent/costs.json")]
    [InlineData("needs a \"source\"", "--costs", "unsourced.json")]
    public void Bad_arguments_are_said_in_one_line(string words, string option, string value)
    {
        using var directory = new TemporaryDirectory();
        if (value == "unsourced.json")
        {
            value = directory.Write(value, """{ "schema": 1, "costs": [{ "event": "EAUG", "low": 5, "high": 6 }] }""");
        }

        CloisterProcess.Outcome outcome = CloisterProcess.Run(["lab", "edmm", option, value]);
        Assert.Equal(Failure.Usage, outcome.Status);
        Assert.Contains(words, Assert.Single(outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_chart_that_cannot_be_written_is_told_of_before_anything_runs()
    {
        CloisterProcess.Outcome outcome = CloisterProcess.Run(["lab", "edmm", "--svg", "/nonexistent/edmm.svg"]);
        Assert.Equal((Failure.InputOutput, ""), (outcome.Status, outcome.Output));
    }

    [Fact]
    public void Control_C_ends_it_and_leaves_nothing_behind()
    {
        using var directory = new TemporaryDirectory();
        string scratch = Directory.CreateDirectory(Path.Combine(directory.Path, "tmp")).FullName,
            chart = Path.Combine(directory.Path, "edmm.svg");
        using CloisterProcess process = CloisterProcess.StartUnder([], ["lab", "edmm", "--pages", "100000", "--svg", chart],
            start => start.Environment["TMPDIR"] = scratch);

        // The chart's file is made when it listens for signals, the scratch directory when it begins.
        Assert.True(
            SpinWait.SpinUntil(() => File.Exists(chart) && Directory.EnumerateDirectories(scratch).Any(), TimeSpan.FromSeconds(60)));
        process.SignalGroup(Signal.SIGINT);
        CloisterProcess.Outcome outcome = process.AwaitEnd();
        Assert.Equal((Failing.Interrupted, "", ""), (outcome.Status, outcome.Output, outcome.Error));
        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(scratch),
            entry => Path.GetFileName(entry).StartsWith("cloister-lab-", StringComparison.Ordinal));
        Assert.False(File.Exists(chart));
    }

    [Fact]
    public void A_chart_that_is_not_drawn_leaves_alone_what_was_there()
    {
        using var directory = new TemporaryDirectory();
        string pipe = Path.Combine(directory.Path, "pipe"), empty = directory.Write("empty", "");
        Assert.Equal("", Shell.Run($"mkfifo '{pipe}'"));
        using var hold = new FileStream(pipe, FileMode.Open, FileAccess.ReadWrite);
        foreach (string chart in (string[])[pipe, empty])
        {
            using CloisterProcess process = CloisterProcess.Start("lab", "edmm", "--pages", "100000", "--svg", chart);
            Thread.Sleep(1500);
            process.SignalGroup(Signal.SIGINT);
            _ = process.AwaitEnd();
            Assert.True(File.Exists(chart));
        }
    }

    [Fact]
    public void Help_has_examples_and_does_not_list_the_program()
    {
        Assert.Contains("cloister lab edmm --pages 4096 --svg edmm.svg", CloisterProcess.Run(["lab", "edmm", "--help"]).Output,
            StringComparison.Ordinal);
        Assert.DoesNotContain("edmm-program", CloisterProcess.Run(["lab", "--help"]).Output, StringComparison.Ordinal);
    }

    private static JsonElement Cell(string way, string pattern, int used, int taken)
    {
        JsonElement cell = s_experiment.Value.GetProperty("results").EnumerateArray()
            .Single(cell => cell.GetProperty("way").GetString() == way && cell.GetProperty("pattern").GetString() == pattern);
        Assert.Equal((used, taken), (cell.GetProperty("pagesUsed").GetInt32(), cell.GetProperty("pagesTaken").GetInt32()));
        Assert.Equal(AllocationWay.Find(way)!.Generation == Driver.Generation.V6_0 ? "v6.0"
            : "edmm-augment", cell.GetProperty("uapi").GetString());
        return cell;
    }

    private static int Count(JsonElement cell, string name) => cell.GetProperty("use").GetProperty("events").GetProperty(name).GetInt32();

    private static int Accepts(JsonElement cell) => Count(cell, "EACCEPT") + Count(cell, "EACCEPTCOPY");

    private static void Counted(JsonElement cell, string name, int expected) =>
        Assert.InRange(Count(cell, name), expected, expected + AtMostFixedFaults);
}
