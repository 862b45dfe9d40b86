using System.Text.Json;
using Cloister.Cli.Running;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Running;

/// <summary>Where Cloister's own words go, and how many there are.</summary>
public sealed class MessagesTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_programs_streams_stay_its_own()
    {
        string file = _directory.Write("messages",
            "what was there before, and is longer than what comes after it: what was there before, and is longer than what comes after it");
        CloisterProcess.Outcome outcome =
            CloisterProcess.Run(["run", "-o", file, "-v", "--stats", "--", "sh", "-c", "echo out; echo err >&2; exit 3"]);
        Assert.Equal(new CloisterProcess.Outcome(3, "out\n", "err\n"), outcome);
        string[] lines = File.ReadAllLines(file);
        Assert.StartsWith("cloister: processor ", lines[0], StringComparison.Ordinal);
        Assert.Contains(lines, line => line.StartsWith("cloister: the program ended with exit status 3 after ", StringComparison.Ordinal));
        Assert.Contains("ioctls: 0", lines);
    }

    [Fact]
    public void Quiet_leaves_the_statistics_alone_and_they_are_JSON()
    {
        string file = Path.Combine(_directory.Path, "statistics");
        CloisterProcess.Outcome outcome =
            CloisterProcess.Run(["run", "-q", "--stats=json", "-o", file, "--epc", "8MiB", "--", "sh", "-c", "kill -KILL $$"]);
        Assert.Equal((137, "", ""), (outcome.Status, outcome.Output, outcome.Error));
        JsonElement statistics = JsonDocument.Parse(Assert.Single(File.ReadAllLines(file))).RootElement;
        Assert.Equal((1, 9, 2048),
            (statistics.GetProperty("schema").GetInt32(), statistics.GetProperty("signal").GetInt32(),
                statistics.GetProperty("epcPagesTotal").GetInt32()));
        Assert.Equal(JsonValueKind.Null, statistics.GetProperty("exitStatus").ValueKind);
    }

    [Fact]
    public void The_names_of_the_statistics_stay()
    {
        string reference = File.ReadAllText(Repository.At("docs", "reference", "json.md"));
        string table = reference[reference.IndexOf("## `run --stats=json`", StringComparison.Ordinal)..];
        IEnumerable<string> described = table.Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal))
            .SelectMany(line => line.Split('|')[1].Split(',')).Select(name => name.Trim().Trim('`'));
        Assert.Equal(RunJson.Default.RunStatistics.Properties.Select(property => property.Name), described);
    }

    [Fact]
    public void They_can_go_to_the_output_stream()
    {
        CloisterProcess.Outcome outcome = CloisterProcess.Run(["run", "-o", "-", "--stats", "true"]);
        Assert.Equal((0, ""), (outcome.Status, outcome.Error));
        Assert.StartsWith("epc pages total: ", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Statistics_that_cannot_be_written_are_told_and_the_program_has_run()
    {
        CloisterProcess.Outcome outcome = CloisterProcess.Run(["run", "-v", "-o", "/dev/full", "--stats", "--", "echo", "x"]);
        Assert.Equal((Failure.InputOutput, "x\n"), (outcome.Status, outcome.Output));
        Assert.StartsWith("cloister: the statistics could not be written", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(4, CloisterProcess.Run(["run", "-o", "/dev/full", "--stats", "--", "sh", "-c", "exit 4"]).Status);
        Assert.Equal(0, CloisterProcess.Run(["run", "-v", "-o", "/dev/full", "true"]).Status);
    }

    [Fact]
    public void The_program_gets_no_descriptor_of_the_file()
    {
        string file = Path.Combine(_directory.Path, "messages");
        Assert.DoesNotContain("messages", CloisterProcess.Run(["run", "-o", file, "--", "ls", "-l", "/proc/self/fd"]).Output,
            StringComparison.Ordinal);
    }
}
