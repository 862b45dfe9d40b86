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

    private const string Begin = "{\"event\":\"begin\",\"schema\":1,\"version\":\"1\",\"program\":[],\"engine\":\"trap\","
        + "\"isolation\":\"fast\",\"interface\":\"v6.0\",\"epcPages\":1,\"started\":\"2026-01-01T00:00:00Z\"}\n";

    private const string Fault = Begin + "{\"event\":\"fault\",\"time\":1,\"process\":1,\"thread\":1,\"name\":\"f\",";

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

    [Fact]
    public void What_a_traced_program_did_is_done_again_in_each_way()
    {
        // The trace is of a program of the lab itself, which uses one page in ten: the same counts must come out.
        using var directory = new TemporaryDirectory();
        string trace = Path.Combine(directory.Path, "trace.jsonl"), result = Path.Combine(directory.Path, "times");
        CloisterProcess.Outcome run = CloisterProcess.Run(["run", "--trace", trace, "--engine", "trap", "--", "dotnet",
            CloisterProcess.CommandFile, "lab", OwnProgram.NameOfExperiments, "--", result, $"{Pages}", "accept:tenth"]);
        Assert.True(run.Status == 0, run.Error);
        string cut = directory.Write("cut.jsonl", File.ReadAllText(trace)[..^20]);
        foreach (string file in (string[])[trace, cut])
        {
            CloisterProcess.Outcome outcome =
                CloisterProcess.Run(["lab", "edmm", "--trace", file, "--ways", "accept,populate", "--repeats", "0", "--json"]);
            Assert.True(outcome.Status == 0, outcome.Error);
            using JsonDocument document = JsonDocument.Parse(outcome.Output);
            const int used = Pages / 10, range = ((used - 1) * 10) + 1;
            Assert.Equal(range, document.RootElement.GetProperty("pages").GetInt32());
            JsonElement[] cells = [.. document.RootElement.GetProperty("results").EnumerateArray()];
            Assert.Equal(["trace", "trace"], cells.Select(cell => cell.GetProperty("pattern").GetString()));
            Assert.Equal([used, used], cells.Select(cell => cell.GetProperty("pagesUsed").GetInt32()));
            Assert.Equal([used, range], cells.Select(cell => cell.GetProperty("pagesTaken").GetInt32()));
            Assert.Equal((used, range), (Count(cells[0], "EAUG"), Count(cells[1], "EAUG")));
        }

        CloisterProcess.Outcome small = CloisterProcess.Run(["lab", "edmm", "--trace", trace, "--pages", "5"]);
        Assert.Equal((Failure.Usage, "cloister: lab edmm: --pages: the trace uses 31\n"), (small.Status, small.Error));
        CloisterProcess.Outcome strange = CloisterProcess.Run(["lab", "edmm", "--trace", trace, "--enclave", "77"]);
        Assert.Equal((Failing.Unreadable, $"cloister: {trace}: enclave 77 used no page that a fault tells of; 1 did\n"), (strange.Status, strange.Error));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("{}\n")]
    [InlineData("nonsense\n")]
    [InlineData("[{\"name\":\"EADD\",\"ph\":\"X\"}]\n")]
    [InlineData("{\"event\":\"begin\",\"schema\":1}\n")]
    [InlineData("{\"event\":\"begin\",\"schema\":2,\"version\":\"9\"}\n")]
    [InlineData(Begin)]
    [InlineData(Begin + "{\"event\":\"end\",\"time\":1,\"exitStatus\":0,\"signal\":null}\n")]
    [InlineData(Begin + "{\"event\":\"fault\",\"time\":1}\n")]
    [InlineData(Fault + "\"address\":\"zero\"}\n")]
    [InlineData(Fault + "\"address\":\"0x10ffffffffffffffff\"}\n")]
    public void A_trace_that_is_none_or_has_nothing_in_it_is_said_in_one_line(string text)
    {
        using var directory = new TemporaryDirectory();
        string trace = directory.Write("trace.jsonl", text);
        CloisterProcess.Outcome outcome = CloisterProcess.Run(["lab", "edmm", "--trace", trace]);
        Assert.Equal((Failing.Unreadable, ""), (outcome.Status, outcome.Output));
        Assert.StartsWith($"cloister: {trace}: ", Assert.Single(outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_small_epc_evicts_and_two_results_are_compared()
    {
        using var directory = new TemporaryDirectory();
        string[] arguments =
            ["lab", "edmm", "--pages", "600", "--ways", "accept", "--patterns", "random", "--repeats", "2", "--json", "-o"];
        string large = Path.Combine(directory.Path, "large.json"), small = Path.Combine(directory.Path, "small.json"),
            again = Path.Combine(directory.Path, "again.json"), other = Path.Combine(directory.Path, "other.json");
        (string, string[])[] runs = [(large, []), (small, ["--epc", "1M"]), (again, []), (other, ["--seed", "5"])];
        foreach ((string file, string[] more) in runs)
        {
            CloisterProcess.Outcome outcome = CloisterProcess.Run([.. arguments, file, .. more]);
            Assert.True(outcome.Status == 0, outcome.Error);
        }

        using JsonDocument evicted = JsonDocument.Parse(File.ReadAllText(small)), whole = JsonDocument.Parse(File.ReadAllText(large));
        JsonElement cell = evicted.RootElement.GetProperty("results")[0];
        Assert.Equal((256, JsonValueKind.Null),
            (evicted.RootElement.GetProperty("epcPages").GetInt32(), whole.RootElement.GetProperty("epcPages").ValueKind));
        Assert.InRange(Count(cell, "EWB"), 100, 10_000);
        Assert.InRange(Count(cell, "ELDU"), 1, Count(cell, "EWB"));
        Assert.Equal(0, Count(whole.RootElement.GetProperty("results")[0], "EWB"));
        Assert.Equal(2, cell.GetProperty("use").GetProperty("nanosecondsEach").GetArrayLength());

        string difference = Compare(large, small), none = Compare(large, again), seeds = Compare(large, other);
        Assert.Matches(@"random +accept +use: EWB +0 +\d+ +new", difference);
        Assert.Contains("an EPC of 256", difference, StringComparison.Ordinal);
        Assert.Contains("0 of 1 ways and patterns that both have were counted alike.", difference, StringComparison.Ordinal);
        Assert.Contains("1 of 1 ways and patterns that both have were counted alike.", none, StringComparison.Ordinal);
        Assert.Contains("pages used", seeds, StringComparison.Ordinal);

        static string Compare(string first, string second)
        {
            CloisterProcess.Outcome outcome = CloisterProcess.Run(["lab", "compare", first, second]);
            Assert.Equal((0, ""), (outcome.Status, outcome.Error));
            return outcome.Output;
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"schema\":1}")]
    [InlineData("{\"pages\":1,\"results\":[{\"way\":null}]}")]
    [InlineData("{\"pages\":99999999999,\"results\":[]}")]
    [InlineData("{\"pages\":\"\\ud800\",\"results\":[]}")]
    public void What_is_no_result_is_not_compared(string text)
    {
        using var directory = new TemporaryDirectory();
        string good = directory.Write("good.json", "{\"pages\":1,\"results\":[]}"), bad = directory.Write("bad.json", text);
        foreach (string[] files in (string[][])[[bad, good], [good, bad]])
        {
            CloisterProcess.Outcome outcome = CloisterProcess.Run(["lab", "compare", .. files]);
            Assert.Equal((Failing.Unreadable, "", $"cloister: {bad}: no result of `cloister lab edmm --json`\n"),
                (outcome.Status, outcome.Output, outcome.Error));
        }
    }

    [Theory]
    [InlineData("there is no way x", "--ways", "accept,x")]
    [InlineData("--epc: a size from 1M to 4G", "--epc", "512K")]
    [InlineData("--epc: a size from 1M to 4G", "--epc", "much")]
    [InlineData("--seed: from 1 on", "--seed", "0")]
    [InlineData("--enclave is for --trace", "--enclave", "1")]
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
