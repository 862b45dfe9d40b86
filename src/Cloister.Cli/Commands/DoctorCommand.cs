using System.CommandLine;
using System.Reflection;
using Cloister.Cli.Doctor;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister doctor</c>: what this machine has and what that means.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Print JSON: findings with kind, key, found and meaning, and the defaults." };
        var command = new Command("doctor", "Say, line by line, what this machine has and what that means. Exit status 0 when programs can run, 69 when not.") { json };
        command.SetAction(result => Execute(result.GetValue(json)));
        return command;
    }

    private static string Version => typeof(DoctorCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "of no version";

    private static int Execute(bool json)
    {
        Finding[] findings = [.. ProcessorChecks.All(), .. KernelChecks.All(), .. SystemChecks.All()];
        if (Array.TrueForAll(findings, f => f.Kind != FindingKind.Fatal))
        {
            findings = [.. findings, TrialCheck.Make()];
        }

        MachineDefaults defaults = MachineDefaults.Choose();
        bool runs = Array.TrueForAll(findings, f => f.Kind != FindingKind.Fatal);
        if (json)
        {
            PrintJson(findings, defaults, runs);
        }
        else
        {
            Print(findings, defaults, runs);
        }

        return runs ? 0 : Failure.Unavailable;
    }

    private static void Print(Finding[] findings, MachineDefaults defaults, bool runs)
    {
        Console.WriteLine($"Cloister {Version} on .NET {Environment.Version}");
        foreach (Finding finding in findings)
        {
            string mark = finding.Kind switch
            {
                FindingKind.Good => "[green]ok[/]     ",
                FindingKind.Note => "[grey]--[/]     ",
                FindingKind.Limit => "[yellow]limit[/]  ",
                _ => "[red]MISSING[/]",
            };
            Terminal.Write($"{mark} ");
            Console.WriteLine($"{finding.Subject + ":",-18} {finding.Found}");
            Console.WriteLine($"        {"",-18} {finding.Meaning}");
        }

        Console.WriteLine();
        Console.WriteLine($"default engine:     {Name(defaults.Engine)}, because {defaults.EngineReason}.");
        Console.WriteLine($"default isolation:  {Name(defaults.Isolation)}, because {defaults.IsolationReason}.");
        Console.WriteLine($"default processor:  {CpuName}, because {CpuReason}.");
        Console.WriteLine($"default EPC:        {SizeText.Of(Epc)}, half of the memory; --epc SIZE makes it another.");
        Console.WriteLine($"default keys:       {Keys}");
        Console.WriteLine(runs ? "Programs can run here: cloister run -- PROGRAM" : "SGX programs cannot run here until what is MISSING is there.");
    }

    private static void PrintJson(Finding[] findings, MachineDefaults defaults, bool runs) => JsonOutput.Print(writer =>
    {
        writer.WriteString("version", Version);
        writer.WriteBoolean("runs", runs);
        writer.WriteStartObject("defaults");
        writer.WriteString("engine", Name(defaults.Engine));
        writer.WriteString("engineReason", defaults.EngineReason);
        writer.WriteString("isolation", Name(defaults.Isolation));
        writer.WriteString("isolationReason", defaults.IsolationReason);
        writer.WriteString("cpu", CpuName);
        writer.WriteString("cpuReason", CpuReason);
        writer.WriteNumber("epcBytes", Epc);
        JsonOutput.Text(writer, "keyFile", PlatformKey.Path(out _));
        writer.WriteEndObject();
        writer.WriteStartArray("findings");
        foreach (Finding finding in findings)
        {
            writer.WriteStartObject();
            writer.WriteString("kind", Name(finding.Kind));
            writer.WriteString("key", finding.Key);
            writer.WriteString("subject", finding.Subject);
            writer.WriteString("found", finding.Found);
            writer.WriteString("meaning", finding.Meaning);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    private static string CpuName => MachineDefaults.Cpu?.Name ?? "host";

    private static string CpuReason => MachineDefaults.Cpu is null ? "programs know Intel's processors; `cloister run --cpu help` lists others" : "programs look for Intel's name; --cpu host shows this machine's own";

    private static long Epc => HostMemory.Read().DefaultEpc;

    private static string Keys => PlatformKey.Path(out string? problem) is { } path
        ? $"those in {path}, made at the first need and the same at every run; --platform new makes others."
        : $"new at every run, because {problem}; --seed TEXT makes lasting ones.";

    // The names on the command line are lower-case.
    private static string Name(Enum value) => value.ToString().ToLowerInvariant();
}
