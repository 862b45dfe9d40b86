using System.ComponentModel;
using System.Diagnostics;

namespace Cloister.Cli.Kernel;

/// <summary>A program of the user's machine. Nothing is traced by a command that uses it, so .NET may reap this process's children.</summary>
internal static class Tool
{
    /// <summary>Runs it to its end.</summary>
    /// <param name="name">Its name, found in PATH.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="directory">Where it runs.</param>
    /// <param name="output">What it wrote to its error stream and its output.</param>
    /// <returns>Its exit status, or null when there is no such program.</returns>
    public static int? Run(string name, IEnumerable<string> arguments, string directory, out string output)
    {
        ProcessStartInfo start = Start(name, arguments);
        start.WorkingDirectory = directory;
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> written = process.StandardOutput.ReadToEndAsync();
            output = process.StandardError.ReadToEnd() + written.Result;
            process.WaitForExit();
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
    /// <returns>Its exit status.</returns>
    public static int Run(string path, IEnumerable<string> arguments)
    {
        using Process process = Process.Start(Start(path, arguments))!;
        process.WaitForExit();
        return process.ExitCode;
    }

    private static ProcessStartInfo Start(string name, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(name, arguments) { UseShellExecute = false };
        start.Environment["LC_ALL"] = "C";
        return start;
    }
}
