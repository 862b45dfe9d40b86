using System.Diagnostics;

namespace Cloister.Cli.Tests.Harness;

/// <summary>Commands for a shell.</summary>
internal static class Shell
{
    private const double PatienceSeconds = 60;

    /// <summary>Whether a program is installed.</summary>
    public static bool Has(string program) => Run($"command -v {program} || true").Length > 0;

    /// <summary>Runs a script, with an input, and gives back what it prints.</summary>
    public static string Run(string script, string input = "", string? directory = null)
    {
        var start = new ProcessStartInfo("bash", ["-c", script])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = directory ?? "",
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        Assert.True(Patience.WaitForExit(process, PatienceSeconds), $"{script} hangs");
        return output.Result + error.Result;
    }
}
