using System.Text.Json;
using Cloister.Attestation.Platforms;
using Cloister.Cli.Platforms;

namespace Cloister.Cli.Commands;

/// <summary>What <c>platform list</c> and <c>platform show</c> print.</summary>
internal static class PlatformOutput
{
    /// <summary>One line of the list; a platform that is damaged is named with what is wrong.</summary>
    public static string Line(PlatformStore store, string name)
    {
        try
        {
            PlatformSettings settings = store.Settings(name);
            return $"{name,-20} CPUSVN {settings.Cpusvn}, PCESVN {settings.Pcesvn}{(settings.PendingCpusvn.Length == 0 ? "" : $", pending {settings.PendingCpusvn}")}";
        }
        catch (PlatformProblem problem)
        {
            return $"{name,-20} damaged: {problem.Message}";
        }
    }

    /// <summary>The list as JSON.</summary>
    public static void PrintJson(PlatformStore store) => JsonOutput.Print(writer =>
    {
        writer.WriteStartArray("platforms");
        foreach (string name in store.Names)
        {
            writer.WriteStartObject();
            Members(writer, name, store.Read(name));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    /// <summary>All of a platform but its key.</summary>
    public static void Print(string name, Platform platform)
    {
        foreach ((string field, string value) in Fields(platform).Prepend(("name", name)))
        {
            Console.WriteLine($"{field,-16} {value}");
        }
    }

    /// <summary>The same as members of a JSON object.</summary>
    public static void Members(Utf8JsonWriter writer, string name, Platform platform)
    {
        PlatformSettings settings = platform.Settings;
        writer.WriteString("name", name);
        writer.WriteString("cpusvn", settings.Cpusvn);
        JsonOutput.Text(writer, "pendingCpusvn", settings.PendingCpusvn is { Length: > 0 } pending ? pending : null);
        writer.WriteNumber("pcesvn", settings.Pcesvn);
        Member(writer, "pce", settings.Pce);
        Member(writer, "qe", settings.Qe);
        writer.WriteString("fmspc", settings.Fmspc);
        writer.WriteString("authority", PlatformText.Name(settings.Authority));
        writer.WriteString("platformInstanceId", Convert.ToHexStringLower(platform.InstanceId));
        writer.WriteStartArray("versions");
        foreach (TcbVersion version in settings.AllVersions)
        {
            writer.WriteStartObject();
            writer.WriteString("cpusvn", version.Cpusvn);
            writer.WriteNumber("pcesvn", version.Pcesvn);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void Member(Utf8JsonWriter writer, string name, ArchitecturalEnclave? enclave)
    {
        if (enclave is null)
        {
            writer.WriteNull(name);
            return;
        }

        writer.WriteStartObject(name);
        PlatformText.Members(writer, enclave);
        writer.WriteEndObject();
    }

    private static string Text(ArchitecturalEnclave? enclave) =>
        enclave is null ? "Intel's"
        : $"MRSIGNER {enclave.Mrsigner}{(enclave.Mrsigner is ArchitecturalEnclave.IntelMrsigner or ArchitecturalEnclave.IntelPceMrsigner ? " (Intel's)" : "")}, ISVPRODID {enclave.Isvprodid}, ISVSVN {enclave.Isvsvn}";

    private static IEnumerable<(string Field, string Value)> Fields(Platform platform)
    {
        PlatformSettings settings = platform.Settings;
        yield return ("CPUSVN", settings.Cpusvn);
        yield return ("pending CPUSVN", settings.PendingCpusvn is { Length: > 0 } pending ? pending : "none");
        yield return ("PCESVN", $"{settings.Pcesvn}");
        yield return ("PCE", Text(settings.Pce));
        yield return ("QE", Text(settings.Qe));
        yield return ("FMSPC", settings.Fmspc);
        yield return ("certified by", $"the {PlatformText.Name(settings.Authority)} CA");
        yield return ("instance", Convert.ToHexStringLower(platform.InstanceId));
        yield return ("owner epoch", settings.OwnerEpoch.Length == 0 ? "the first" : "a later one");
        yield return ("versions", string.Join(", ", settings.AllVersions.Select(version => $"{version.Cpusvn}/{version.Pcesvn}")));
    }
}
