using System.Globalization;
using System.Text.Json.Nodes;

namespace Cloister.Cli.Containers;

/// <summary>The file that an OCI runtime is told to put its messages into: containerd and podman read a failure from there.</summary>
internal static class RuntimeLog
{
    /// <summary>
    /// Adds a line, as runc does: logrus's two formats. What cannot be written there is on the error stream all the same.
    /// </summary>
    public static void Write(RuntimeArguments arguments, string message)
    {
        if (!arguments.Options.TryGetValue("log", out string? file) || file.Length == 0)
        {
            return;
        }

        string time = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        string line = arguments.Options.GetValueOrDefault("log-format") == "json"
            ? new JsonObject { ["level"] = "error", ["msg"] = message, ["time"] = time }.ToJsonString()
            : $"time=\"{time}\" level=error msg={JsonValue.Create(message).ToJsonString()}";
        try
        {
            File.AppendAllText(file, line + "\n");
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
        }
    }
}
