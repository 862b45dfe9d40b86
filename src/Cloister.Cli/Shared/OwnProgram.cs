using System.Runtime.CompilerServices;

namespace Cloister.Cli;

/// <summary>How this same program is started once more: what the demo and the experiments run on the machine is built into it.</summary>
internal static class OwnProgram
{
    /// <summary>Compiled ahead of time it is one file; else it is one that <c>dotnet</c> runs.</summary>
    public static IReadOnlyList<string> Command { get; } = RuntimeFeature.IsDynamicCodeSupported
        ? [Host, Path.Combine(AppContext.BaseDirectory, "cloister.dll")] : [Environment.ProcessPath!];

    /// <summary>The command below <c>lab</c> that is the experiments' program.</summary>
    public const string NameOfExperiments = "edmm-program";

    /// <summary>The command that runs it.</summary>
    public static IReadOnlyList<string> OfExperiments => [.. Command, "lab", NameOfExperiments];

    private static string Host => Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet"
        ? path : "dotnet";
}
