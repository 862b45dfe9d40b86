using System.Text.Json;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Commands;

public class DoctorCommandTests
{
    private static readonly string[] s_keys =
    [
        "sgx", "fsgsbase", "pku", "cpuid_faulting", "xsave", "kernel", "ptrace", "seccomp", "seccomp_listener", "process_vm_readv",
        "memfd_create",
        "pidfd_getfd", "userfaultfd", "kcmp", "modify_ldt", "user_namespaces", "memory", "dev", "trial",
    ];

    [Fact]
    public void Json_has_every_finding_and_the_defaults()
    {
        CloisterProcess.Outcome outcome = CloisterProcess.Run(["doctor", "--json"]);
        using JsonDocument document = JsonDocument.Parse(outcome.Output);
        JsonElement root = document.RootElement;
        Assert.Equal(s_keys, root.GetProperty("findings").EnumerateArray().Select(f => f.GetProperty("key").GetString()));
        Assert.All(root.GetProperty("findings").EnumerateArray(),
            f => Assert.Contains(f.GetProperty("kind").GetString(), new[] { "good", "note", "limit", "fatal" }));
        bool fatal = root.GetProperty("findings").EnumerateArray().Any(f => f.GetProperty("kind").GetString() == "fatal");
        Assert.Equal(!fatal, root.GetProperty("runs").GetBoolean());
        Assert.Equal(fatal ? Failure.Unavailable : 0, outcome.Status);
        Assert.NotEmpty(root.GetProperty("version").GetString()!);
        Assert.InRange(root.GetProperty("defaults").GetProperty("epcBytes").GetInt64(), 1 << 20, long.MaxValue);
        Assert.Contains(root.GetProperty("defaults").GetProperty("engine").GetString(), new[] { "trap", "fast" });
        Assert.Contains(root.GetProperty("defaults").GetProperty("isolation").GetString(), new[] { "strict", "fast" });
    }

    [Fact]
    public void Text_ends_with_the_defaults_and_a_verdict()
    {
        string[] lines = CloisterProcess.Run(["doctor"]).Output.TrimEnd('\n').Split('\n');
        Assert.Equal(2 * s_keys.Length + 9, lines.Length);
        Assert.StartsWith("Cloister ", lines[0], StringComparison.Ordinal);
        Assert.All(
            new[] { "default engine: ", "default isolation: ", "default processor: ", "default EPC: ", "default keys: ",
                "default options: " }.Zip(lines[^7..^1]),
            pair => Assert.StartsWith(pair.First, pair.Second, StringComparison.Ordinal));
        Assert.DoesNotContain("\u001b", string.Concat(lines), StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_traced_is_found()
    {
        // Under Cloister itself nothing more can be traced.
        CloisterProcess.Outcome outcome = CloisterProcess.Run(["run", "--", "dotnet", CloisterProcess.CommandFile, "doctor"]);
        Assert.Equal(Failure.Unavailable, outcome.Status);
        Assert.Contains("MISSING ptrace", outcome.Output, StringComparison.Ordinal);
    }
}
