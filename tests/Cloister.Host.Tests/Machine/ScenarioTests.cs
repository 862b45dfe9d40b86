using Cloister.Host.Tests.Programs;

namespace Cloister.Host.Tests.Machine;

/// <summary>Every scenario by both ways of entry, and through both engines.</summary>
public class ScenarioTests
{
    [Theory]
    [InlineData(EntryMethod.Vdso, "trap")]
    [InlineData(EntryMethod.Vdso, "fast")]
    [InlineData(EntryMethod.Inline, "trap")]
    [InlineData(EntryMethod.Inline, "fast")]
    public void Scenarios_succeed(EntryMethod method, string engine)
    {
        (int status, string output) = Machine.Scenarios(method, engine);
        Assert.True(status == 0, $"status {status}: {output}");
        Assert.Equal(Programs.Scenarios.All.Select(scenario => $"{scenario.Name}: ok"),
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => !line.StartsWith("cloister: ", StringComparison.Ordinal)));
    }

    [Fact]
    public void Without_sgx_the_error_says_what_to_do()
    {
        // Not on the machine: what this tells is what a user without SGX sees. With SGX there is nothing to tell.
        if (File.Exists(Linux.EnclaveDevice.EnclavePath))
        {
            return;
        }

        SgxUnavailableException e = Assert.Throws<SgxUnavailableException>(() => TestCode.Builder(1, EntryMethod.Automatic).Build());
        Assert.Equal(Linux.Errno.ENOENT, e.Errno);
        Assert.Contains("cloister run", e.Message, StringComparison.Ordinal);
    }
}
