using System.Diagnostics;

namespace Cloister.Cli.Commands;

/// <summary>A progress bar on the error stream for what takes longer than a second, and only on a terminal.</summary>
internal sealed class PageProgress : IProgress<ulong>, IDisposable
{
    private const int Width = 30;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly ulong total;
    private readonly bool visible;
    private readonly long started = Stopwatch.GetTimestamp();
    private TimeSpan shown;
    private bool drawn;

    public PageProgress(ulong enclaveSize, bool quiet)
    {
        total = Math.Max(enclaveSize / 4096, 1);
        visible = !quiet && !Console.IsErrorRedirected;
    }

    public void Report(ulong value)
    {
        TimeSpan elapsed = Stopwatch.GetElapsedTime(started);
        if (!visible || elapsed < Patience || elapsed - shown < Interval)
        {
            return;
        }

        shown = elapsed;
        drawn = true;
        int filled = (int)Math.Min(value * Width / total, Width);
        double speed = value * 4096.0 / elapsed.TotalSeconds / (1 << 20);
        Console.Error.Write($"\r[{new string('#', filled)}{new string('.', Width - filled)}] {value} pages, {speed:f0} MiB/s ");
    }

    public void Dispose()
    {
        if (drawn)
        {
            Console.Error.Write($"\r{new string(' ', Width + 40)}\r");
        }
    }
}
