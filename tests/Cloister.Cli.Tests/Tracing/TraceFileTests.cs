using Cloister.Cli.Tests.Harness;
using Cloister.Cli.Tracing;

namespace Cloister.Cli.Tests.Tracing;

/// <summary>A trace on its way to a file.</summary>
public sealed class TraceFileTests : IDisposable
{
    private static readonly TraceHeader s_header = new("1.2", ["app"], "fast", "fast", "v6.0", 1024, DateTimeOffset.UnixEpoch);
    private readonly TemporaryDirectory _directory = new();
    private readonly List<string> _said = [];

    [Fact]
    public void A_line_is_in_the_file_soon_though_nothing_follows()
    {
        string path = Path.Combine(_directory.Path, "a.jsonl");
        using TraceFile file = TraceFile.Begin(path, null, TraceKinds.All, s_header, _said.Add, out _)!;
        file.Take(Event(1));
        Assert.True(
            SpinWait.SpinUntil(() => File.ReadAllText(path).Contains("\"time\":1,", StringComparison.Ordinal), TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public void A_full_disk_is_told_once()
    {
        using (TraceFile file = TraceFile.Begin("/dev/full", null, TraceKinds.All, s_header, _said.Add, out string? problem)!)
        {
            Assert.Null(problem);
            for (int i = 0; i < 10_000; i++)
            {
                file.Take(Event(i));
            }

            file.End(1, 0, null);
            Assert.True(file.Lost);
        }

        Assert.Equal("trace: /dev/full: no space left on the device: the trace ends here, and the program goes on", Assert.Single(_said));
    }

    [Fact]
    public void Many_lines_are_all_there_in_their_order()
    {
        string path = Path.Combine(_directory.Path, "a.txt");
        using (TraceFile file = TraceFile.Begin(path, null, TraceKinds.All, s_header, _said.Add, out _)!)
        {
            for (int i = 0; i < 20_000; i++)
            {
                file.Take(Event(i));
            }

            file.End(99, null, 9);
        }

        string[] lines = File.ReadAllLines(path);
        Assert.Equal(20_000 + 4, lines.Length);
        Assert.All(lines[3..^1].Select((line, i) => (line, i)), pair => Assert.Equal($"5  0.{pair.i:d9}  --- SIGUSR1 ---", pair.line));
        Assert.Equal("# 0.000000099 ended by SIGKILL", lines[^1]);
        Assert.Empty(_said);
    }

    [Fact]
    public void A_file_that_cannot_be_opened_is_a_problem()
    {
        Assert.Null(TraceFile.Begin("/nowhere/a", null, TraceKinds.All, s_header, _said.Add, out string? problem));
        Assert.Equal("/nowhere/a: no such file or directory", problem);
    }

    public void Dispose() => _directory.Dispose();

    private static TraceEvent Event(long time) => new()
    {
        Kind = TraceKinds.Signal,
        Name = "SIGUSR1",
        Time = time,
        Duration = -1,
        Process = 4,
        Thread = 5,
        Count = 1,
    };
}
