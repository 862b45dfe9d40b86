using System.CommandLine;
using Cloister.Cli.Doctor;
using Cloister.Cli.Platforms;
using Cloister.Cli.Running;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister doctor</c>: what this machine has and what that means.</summary>
internal static class DoctorCommand
{
    private const int Indent = 27;

    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Print JSON: findings with kind, key, found and meaning, and the defaults." };
        var command = new Command("doctor",
            "Say, line by line, what this machine has and what that means. Exit status 0 when programs can run, 69 when not.")
        { json, new OutputOption() };
        command.SetAction(result => Execute(result.GetValue(json)));
        return command;
    }

    private static int Execute(bool json)
    {
        RunArguments told = OptionDefaults.Read(out string? problem);
        if (problem is not null)
        {
            return Failure.Report(problem, Failure.Usage);
        }

        DoctorFinding[] findings = [.. ProcessorChecks.All(), .. KernelChecks.All(), .. SystemChecks.All()];
        if (Array.TrueForAll(findings, f => f.Kind != FindingKind.Fatal))
        {
            findings = [.. findings, TrialCheck.Make()];
        }

        MachineDefaults defaults = MachineDefaults.Choose();
        bool runs = Array.TrueForAll(findings, f => f.Kind != FindingKind.Fatal);
        if (json)
        {
            PrintJson(findings, defaults, told, runs);
        }
        else
        {
            Print(findings, defaults, told, runs);
        }

        return runs ? 0 : Failure.Unavailable;
    }

    private static void Print(DoctorFinding[] findings, MachineDefaults defaults, RunArguments told, bool runs)
    {
        Console.WriteLine(VersionCommand.Line);
        foreach (DoctorFinding finding in findings)
        {
            string mark = finding.Kind switch
            {
                FindingKind.Good => "[green]ok[/]     ",
                FindingKind.Note => "[grey]--[/]     ",
                FindingKind.Limit => "[yellow]limit[/]  ",
                _ => "[red]MISSING[/]",
            };
            Terminal.Write($"{mark} ");
            Lines($"{finding.Subject + ":",-18} ", finding.Found, Indent);
            Lines(new string(' ', Indent), finding.Meaning, Indent);
        }

        Console.WriteLine();
        Default("engine", $"{Name(defaults.Engine)}, because {defaults.EngineReason}.");
        Default("isolation", $"{Name(defaults.Isolation)}, because {defaults.IsolationReason}.");
        Default("processor", $"{CpuName}, because {CpuReason}.");
        Default("EPC", $"{SizeText.Of(Epc)}, half of the memory; --epc SIZE makes it another.");
        Default("keys", Keys);
        Default("options", $"those in CLOISTER_OPTIONS, and {OptionDefaults.FileText}.");
        foreach (OptionOrigin origin in told.Origins)
        {
            Console.WriteLine($"  {origin.Option}{(origin.Value.Length == 0 ? "" : " " + origin.Value)}, from {origin.From}");
        }

        Console.WriteLine(runs ? "Programs can run here: cloister run -- PROGRAM"
            : "SGX programs cannot run here until what is MISSING is there.");
    }

    private static void Default(string what, string text) => Lines($"default {what}:".PadRight(20), text, 20);

    // On a terminal a line is broken where it ends, and goes on below its first word.
    private static void Lines(string first, string text, int indent)
    {
        foreach (string line in Terminal.Width is { } width ? WrappedText.Of(text, Math.Max(width - indent, 20)) : [text])
        {
            Console.WriteLine(first + line);
            first = new string(' ', indent);
        }
    }

    private static void PrintJson(DoctorFinding[] findings, MachineDefaults defaults, RunArguments told,
        bool runs) => JsonOutput.Print(writer =>
    {
        writer.WriteString("version", VersionCommand.Version);
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
        writer.WriteStartArray("options");
        foreach (OptionOrigin origin in told.Origins)
        {
            writer.WriteStartObject();
            writer.WriteString("option", origin.Option);
            writer.WriteString("value", origin.Value);
            writer.WriteString("from", origin.From);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("findings");
        foreach (DoctorFinding finding in findings)
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

    private static string CpuReason =>
        MachineDefaults.Cpu is null ? "programs know Intel's processors; `cloister run --cpu help` lists others"
        : "programs look for Intel's name; --cpu host shows this machine's own";

    private static long Epc => HostMemory.Read().DefaultEpc;

    private static string Keys => PlatformKey.Path(out string? problem) is { } path
        ? $"those in {path}, made at the first need and the same at every run; --platform new makes others."
        : $"new at every run, because {problem}; --seed TEXT makes lasting ones.";

    // The names on the command line are lower-case.
    private static string Name(Enum value) => value.ToString().ToLowerInvariant();
}
