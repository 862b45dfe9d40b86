using System.Globalization;
using System.Runtime.CompilerServices;

namespace Cloister.Cli.Running;

/// <summary>The sockets by which .NET's tools find this process: it would leave them behind when it is killed.</summary>
/// <remarks>
/// The script <c>cloister</c> has the runtime make none; this is for the .NET tool, which no script starts. The native program has none.
/// </remarks>
internal static class DiagnosticFiles
{
    /// <summary>Takes their names away, unless the environment says something about diagnostics.</summary>
    public static void Remove()
    {
        if (!RuntimeFeature.IsDynamicCodeSupported || Environment.GetEnvironmentVariable("DOTNET_EnableDiagnostics") is not null)
        {
            return;
        }

        try
        {
            string process = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
            foreach (string name in (string[])[$"dotnet-diagnostic-{process}-*", $"clr-debug-pipe-{process}-*"])
            {
                foreach (string path in Directory.EnumerateFiles(Path.GetTempPath(), name))
                {
                    File.Delete(path);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Then they stay.
        }
    }
}
