using Cloister.Architecture;
using Cloister.Cli.Lab;
using Cloister.Images;

namespace Cloister.Cli.Commands;

/// <summary>A progress bar on the error stream for what takes longer than a second, and only on a terminal.</summary>
internal sealed class PageProgress : IProgress<ulong>, IDisposable
{
    private const int Width = 30;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly EnclaveVariant variant;
    private readonly TextWriter? writer;
    private readonly TimeProvider clock;
    private readonly long started;
    private TimeSpan shown;
    private ulong total;

    public PageProgress(EnclaveVariant variant, bool quiet)
        : this(variant, quiet || Console.IsErrorRedirected ? null : Console.Error, TimeProvider.System)
    {
    }

    public PageProgress(EnclaveVariant variant, TextWriter? writer, TimeProvider clock)
    {
        (this.variant, this.writer, this.clock) = (variant, writer, clock);
        started = clock.GetTimestamp();
    }

    public void Report(ulong value)
    {
        TimeSpan elapsed = clock.GetElapsedTime(started);
        if (writer is null || elapsed < Patience || elapsed - shown < Interval)
        {
            return;
        }

        // What is quick need not know how much there is to do.
        total = total == 0 ? Count() : total;
        shown = elapsed;
        int filled = (int)Math.Min(value * Width / total, Width);
        double speed = value * (double)LinearAddress.PageSize / elapsed.TotalSeconds / (1 << 20);
        writer.Write(
            LineProgress.Fitting(
                $"\r[{new string('#', filled)}{new string('.', Width - filled)}] {value} of {total} pages, {speed:f0} MiB/s "));
    }

    public void Dispose()
    {
        if (shown > TimeSpan.Zero)
        {
            writer?.Write($"{LineProgress.Fitting($"\r{new string(' ', Width + 60)}")}\r");
        }
    }

    private ulong Count()
    {
        try
        {
            return Math.Max(1, variant.Pages?.Aggregate(0UL, (sum, run) => sum + run.Count) ?? 1);
        }
        catch (ImageException)
        {
            // Whoever measures comes to the same place and says so.
            return Math.Max(1, variant.Size / LinearAddress.PageSize);
        }
    }
}
