using System.ComponentModel;
using System.Diagnostics;

namespace Cloister.Cli.Kernel;

/// <summary>
/// A program of the user's machine. Nothing is traced by a command that uses it, so .NET may reap this process's children.
/// </summary>
internal static class Tool
{
    /// <summary>Runs it to its end.</summary>
    /// <param name="name">Its name, found in PATH.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="directory">Where it runs, and keeps what it needs for a while: killed, it leaves that.</param>
    /// <param name="output">What it wrote to its error stream and its output.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>Its exit status, or null when there is no such program.</returns>
    /// <exception cref="OperationCanceledException">It was to be ended.</exception>
    public static int? Run(string name, IEnumerable<string> arguments, string directory, out string output,
        CancellationToken cancellation = default)
    {
        ProcessStartInfo start = Start(name, arguments);
        start.WorkingDirectory = directory;
        start.Environment["TMPDIR"] = directory;
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        try
        {
            using Process process = Process.Start(start)!;
            using CancellationTokenRegistration ending = cancellation.Register(() => End(process));
            Task<string> written = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
            output = process.StandardError.ReadToEnd() + written.Result;
            process.WaitForExit();
            cancellation.ThrowIfCancellationRequested();
            return process.ExitCode;
        }
        catch (Win32Exception)
        {
            output = "";
            return null;
        }
    }

    /// <summary>Runs it to its end, with this process's streams.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>Its exit status.</returns>
    /// <exception cref="OperationCanceledException">It was to be ended.</exception>
    public static int Run(string path, IEnumerable<string> arguments, CancellationToken cancellation)
    {
        using Process process = Process.Start(Start(path, arguments))!;
        using CancellationTokenRegistration ending = cancellation.Register(() => End(process));
        process.WaitForExit();
        cancellation.ThrowIfCancellationRequested();
        return process.ExitCode;
    }

    // With what it has started: gcc is several programs.
    private static void End(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
    }

    private static ProcessStartInfo Start(string name, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(name, arguments) { UseShellExecute = false };
        start.Environment["LC_ALL"] = "C";
        return start;
    }
}
