using System.Diagnostics;
using Cloister.Linux;

namespace Cloister.Cli.Lab;

/// <summary>What is being done, on one line of the error stream, and only on a terminal.</summary>
internal sealed class LineProgress(bool quiet) : IDisposable
{
    private const int Width = 78;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private readonly bool _visible = !quiet && !Console.IsErrorRedirected;
    private long _shown;
    private bool _drawn;

    /// <summary>
    /// What of a line, whose first letter returns to its beginning, fits the terminal: one that is broken could not be overwritten.
    /// </summary>
    public static string Fitting(string line)
    {
        int columns = HostKernel.TerminalColumns(2);
        return columns > 1 && line.Length > columns ? line[..columns] : line;
    }

    public void Report(int done, int total, string what)
    {
        if (!_visible || (_drawn && Stopwatch.GetElapsedTime(_shown) < Interval))
        {
            return;
        }

        _shown = Stopwatch.GetTimestamp();
        _drawn = true;
        string line = $"{done * 100 / Math.Max(total, 1),3} %  {what}";
        Console.Error.Write(Fitting($"\r{(line.Length > Width ? line[..Width] : line.PadRight(Width))}"));
    }

    public void Dispose()
    {
        if (_drawn)
        {
            _drawn = false;
            Console.Error.Write($"{Fitting($"\r{new string(' ', Width)}")}\r");
        }
    }
}
