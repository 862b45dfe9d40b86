using System.CommandLine;
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
        Console.WriteLine(runs ? "Programs can run here: cloister run -- PROGRAM" : "SGX programs cannot run here until what is MISSING is there.");
    }

    private static void PrintJson(Finding[] findings, MachineDefaults defaults, bool runs) => JsonOutput.Print(writer =>
    {
        writer.WriteBoolean("runs", runs);
        writer.WriteStartObject("defaults");
        writer.WriteString("engine", Name(defaults.Engine));
        writer.WriteString("engineReason", defaults.EngineReason);
        writer.WriteString("isolation", Name(defaults.Isolation));
        writer.WriteString("isolationReason", defaults.IsolationReason);
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

    // The names on the command line are lower-case.
    private static string Name(Enum value) => value.ToString().ToLowerInvariant();
}
