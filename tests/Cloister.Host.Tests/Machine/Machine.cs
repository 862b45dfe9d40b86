using System.Diagnostics;

namespace Cloister.Host.Tests.Machine;

/// <summary>Runs programs under the command as it was built with these tests.</summary>
internal static class Machine
{
    private const double PatienceSeconds = 180;

    // .../tests/Cloister.Host.Tests/bin/CONFIGURATION/net10.0/
    private static readonly string Own = typeof(Machine).Assembly.Location;
    private static readonly string Framework = Path.GetFileName(Path.GetDirectoryName(Own)!);

    /// <summary>What these tests and the command were built as: Debug or Release.</summary>
    public static string Configuration { get; } = Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(Own))!);

    /// <summary>The repository.</summary>
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Own)!, "..", "..", "..", "..", ".."));

    public static string Sample => Path.Combine(Root, "samples", "sgx2", "bin", Configuration, Framework, "sgx2-sample.dll");

    public static string Jit => Path.Combine(Root, "samples", "jit", "bin", Configuration, Framework, "jit-sample.dll");

    public static string Command => Path.Combine(Root, "src", "Cloister.Cli", "bin", Configuration, Framework, "cloister.dll");

    /// <summary>Runs all of <see cref="Programs.Scenarios"/>.</summary>
    public static (int Status, string Output) Scenarios(EntryMethod method, string engine) =>
        Cloister("run", "--engine", engine, "--", "dotnet", Own, $"{method}");

    /// <summary>
    /// Runs one of <see cref="Programs.Scenarios"/> or <see cref="Programs.MachineScenarios"/> on a machine with options.
    /// </summary>
    public static (int Status, string Output) Scenario(string name, EntryMethod method, params string[] options) =>
        Cloister(["run", .. options, "--", "dotnet", Own, $"{method}", name]);

    /// <summary>Runs the command; its output is that of both streams.</summary>
    public static (int Status, string Output) Cloister(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Command);
        Array.ForEach(arguments, start.ArgumentList.Add);
        using var process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!Patience.WaitForExit(process, PatienceSeconds))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"it hangs: {string.Join(' ', arguments)}");
        }

        return (process.ExitCode, output.GetAwaiter().GetResult() + error.GetAwaiter().GetResult());
    }
}
