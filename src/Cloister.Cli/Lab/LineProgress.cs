using System.Diagnostics;

namespace Cloister.Cli.Lab;

/// <summary>What is being done, on one line of the error stream, and only on a terminal.</summary>
internal sealed class LineProgress(bool quiet) : IDisposable
{
    private const int Width = 78;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private readonly bool _visible = !quiet && !Console.IsErrorRedirected;
    private long _shown;
    private bool _drawn;

    public void Report(int done, int total, string what)
    {
        if (!_visible || (_drawn && Stopwatch.GetElapsedTime(_shown) < Interval))
        {
            return;
        }

        _shown = Stopwatch.GetTimestamp();
        _drawn = true;
        string line = $"{done * 100 / Math.Max(total, 1),3} %  {what}";
        Console.Error.Write($"\r{(line.Length > Width ? line[..Width] : line.PadRight(Width))}");
    }

    public void Dispose()
    {
        if (_drawn)
        {
            _drawn = false;
            Console.Error.Write($"\r{new string(' ', Width)}\r");
        }
    }
}
