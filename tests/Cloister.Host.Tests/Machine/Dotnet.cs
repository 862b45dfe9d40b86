using System.Collections;
using System.Diagnostics;

namespace Cloister.Host.Tests.Machine;

/// <summary>The SDK's command, as a user of the packages runs it.</summary>
internal static class Dotnet
{
    private const double PatienceSeconds = 300;

    /// <summary>Runs <c>dotnet ARGUMENTS</c> in a folder; it must succeed. Returns what it said.</summary>
    public static string Run(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // `dotnet test` leaves MSBuild's own variables behind, and a build server would outlive the test.
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            if (((string)variable.Key).StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase))
            {
                start.Environment.Remove((string)variable.Key);
            }
        }

        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["NuGetAudit"] = "false";
        start.Environment["DOTNET_NOLOGO"] = "1";
        using var process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!Patience.WaitForExit(process, PatienceSeconds))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"it hangs: dotnet {string.Join(' ', arguments)}");
        }

        string said = output.GetAwaiter().GetResult() + error.GetAwaiter().GetResult();
        Assert.True(process.ExitCode == 0, $"dotnet {string.Join(' ', arguments)}: {said}");
        return said;
    }
}
