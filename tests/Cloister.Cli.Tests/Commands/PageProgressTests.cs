using Cloister.Architecture;
using Cloister.Cli.Commands;
using Cloister.Images;

namespace Cloister.Cli.Tests.Commands;

public sealed class PageProgressTests : IDisposable
{
    private readonly Clock _clock = new();
    private readonly StringWriter _output = new();

    public void Dispose() => _output.Dispose();

    [Fact]
    public void What_takes_less_than_a_second_shows_nothing()
    {
        using (PageProgress progress = Progress())
        {
            _clock.Now += 999;
            progress.Report(500);
        }

        Assert.Equal("", _output.ToString());
    }

    [Fact]
    public void Then_it_shows_how_far_it_is_ten_times_a_second_and_clears_the_line()
    {
        using (PageProgress progress = Progress())
        {
            _clock.Now += 1000;
            progress.Report(250);
            _clock.Now += 50;
            progress.Report(251);
            _clock.Now += 50;
            progress.Report(500);
        }

        string[] drawn = _output.ToString().Split('\r', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, drawn.Length);
        Assert.StartsWith("[#######.......................] 250 of 1000 pages, 1 MiB/s", drawn[0], StringComparison.Ordinal);
        Assert.StartsWith("[###############...............] 500 of 1000 pages", drawn[1], StringComparison.Ordinal);
        Assert.True(string.IsNullOrWhiteSpace(drawn[2]) && drawn[2].Length >= drawn[1].Length);
        Assert.EndsWith("\r", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void In_a_file_or_a_pipe_it_shows_nothing()
    {
        using var progress = new PageProgress(Variant(), null, _clock);
        _clock.Now += 5000;
        progress.Report(500);
    }

    private PageProgress Progress() => new(Variant(), _output, _clock);

    private static EnclaveVariant Variant() =>
        new()
        {
            Name = "test",
            Size = 1 << 24,
            Pages = [new PageRun("a", 0, 400, SecinfoFlags.Reg, PageContent.Zero),
                new PageRun("b", 1 << 23, 600, SecinfoFlags.Reg, PageContent.Zero)],
        };

    private sealed class Clock : TimeProvider
    {
        public long Now { get; set; }

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => Now;
    }
}
