using System.Diagnostics;

namespace Cloister.Host.Tests.Machine;

public class SampleTests
{
    [Theory]
    [InlineData("trap")]
    [InlineData("fast")]
    public void Sample_does_all_its_steps(string engine)
    {
        (int status, string output) = Machine.Cloister("run", "--engine", engine, "--stats", "--", "dotnet", Machine.Sample);
        Assert.True(status == 0, $"status {status}: {output}");
        Assert.Contains("the enclave adds 40 and 2: 42", output, StringComparison.Ordinal);
        Assert.Contains("the new thread reads what the first one left: 42", output, StringComparison.Ordinal);
        Assert.Contains("65536 bytes are gone\nDone.\n", output, StringComparison.Ordinal);
        Assert.Matches(@"epc pages total: (\d+)\nepc pages free: \1\n", output);
    }

    [SampleInCFact]
    public void The_sample_in_C_does_the_same_steps()
    {
        string folder = Directory.CreateTempSubdirectory("cloister-sample-").FullName;
        try
        {
            using (Process make = Process.Start("make", ["-s", "-C", Path.Combine(Machine.Root, "samples", "c"), $"BUILD={folder}"]))
            {
                make.WaitForExit();
                Assert.Equal(0, make.ExitCode);
            }

            foreach (string engine in (string[])["trap", "fast"])
            {
                (int status, string output) =
                    Machine.Cloister("run", "--engine", engine, "--stats", "--", Path.Combine(folder, "sgx2-sample"));
                Assert.True(status == 0, $"status {status}: {output}");
                Assert.Contains("65536 bytes removed\nDone.\n", output, StringComparison.Ordinal);
                Assert.Matches(@"epc pages total: (\d+)\nepc pages free: \1\n", output);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("trap", "v6.0")]
    [InlineData("fast", "v6.0")]
    [InlineData("fast", "edmm-augment")]
    public void Jit_compiles_in_the_enclave_and_runs_what_it_compiled(string engine, string uapi)
    {
        (int status, string output) = Machine.Cloister("run", "--engine", engine, "--uapi", uapi, "--stats", "--", "dotnet", Machine.Jit);
        Assert.True(status == 0, $"status {status}: {output}");
        Assert.Contains("of 10 it makes 39\n64 functions of 1330 steps, each in a page of its own, give what C# gives\n", output,
            StringComparison.Ordinal);
        Assert.Contains("error code 0x8007: the EPCM refuses it\nDone.\n", output, StringComparison.Ordinal);
        Assert.Contains("pages augmented: 64\n", output, StringComparison.Ordinal);
        Assert.Matches(@"epc pages total: (\d+)\nepc pages free: \1\n", output);
    }

    [Fact]
    public void Jit_is_not_possible_where_added_pages_may_not_be_executed()
    {
        // V2's maximum: "not to mention that JIT is not possible at all because inability to do RX pages" (V2 16/32).
        (int status, string output) = Machine.Cloister("run", "--uapi", "edmm-v2", "--", "dotnet", Machine.Jit);
        Assert.Equal(1, status);
        Assert.Contains("instruction fetch from the enclave's offset 0x10000", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Demo_shows_each_page()
    {
        (int status, string output) = Machine.Cloister("demo");
        Assert.True(status == 0, $"status {status}: {output}");
        string Row(string offset) => output.Split('\n').Single(line => line.TrimStart().StartsWith(offset + " ", StringComparison.Ordinal));
        Assert.Contains("ECREATE → EINIT → EREMOVE", output, StringComparison.Ordinal);
        Assert.Contains("r-x", Row("0x00000"), StringComparison.Ordinal);
        Assert.Contains(
            "EACCEPT (#PF) → EAUG → EACCEPT → EMODPR → EACCEPT → write (#PF) → EMODPE → EMODT → EACCEPT → EMODPR (#PF) → EREMOVE",
            Row("0x10000"), StringComparison.Ordinal);
        Assert.Contains("rw- pending → rw- → r-- restricted → r-- → rw- → --- modified → ---", Row("0x10000"), StringComparison.Ordinal);
        Assert.Matches(@"0x11000 +15 +REG → TRIM ", Row("0x11000"));
        Assert.Contains("write (#PF) → EAUG → write (#PF) → EACCEPT → EREMOVE", Row("0x20000"), StringComparison.Ordinal);
        Assert.Matches(@"REG → TCS .*meanwhile EENTER, EEXIT", Row("0x40000"));
        Assert.Matches(@"EPC pages free: (\d+) of \1\b", output);
    }
}

/// <summary>A test that builds the sample in C; without what that needs the test is reported as skipped.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SampleInCFactAttribute : FactAttribute
{
    private static readonly string[] s_needed = ["/usr/bin/gcc", "/usr/bin/make", "/usr/include/openssl/evp.h"];

    public SampleInCFactAttribute() => Skip = s_needed.FirstOrDefault(file => !File.Exists(file)) is { } missing
        ? $"{missing} is not installed" : null!;
}
