using Cloister.Host.Tests.Programs;

namespace Cloister.Host.Tests.Machine;

/// <summary>Scenarios on machines of their own.</summary>
public class MachineScenarioTests
{
    public static TheoryData<string, string[], EntryMethod, string> Losses
    {
        get
        {
            var data = new TheoryData<string, string[], EntryMethod, string>();
            foreach ((string name, string[] options) in new (string, string[])[]
            {
                (nameof(MachineScenarios.PowerLossAtEntry), ["--power-loss", "entry=2"]),
                (nameof(MachineScenarios.PowerLossWhileInside), []),
                (nameof(MachineScenarios.PowerLossWhileAdding), ["--power-loss", "ioctl=3"]),
                (nameof(MachineScenarios.PowerLossBeforeInit), ["--power-loss", "ioctl=6"]),
            })
            {
                data.Add(name, options, EntryMethod.Vdso, "fast");
                data.Add(name, options, EntryMethod.Inline, "trap");
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Losses))]
    public void A_loss_of_power_is_an_exception_of_its_own(string name, string[] options, EntryMethod method, string engine) =>
        Succeeds(name, method, [.. options, "--engine", engine]);

    [Fact]
    public void Pages_can_be_added_before_they_are_touched_where_that_is_offered()
    {
        string output = Succeeds(nameof(MachineScenarios.AugmentedBefore), EntryMethod.Vdso, "--uapi", "edmm-augment", "--stats");
        Assert.Contains("pages augmented: 16\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_process_leaves_inside_ends_with_it()
    {
        string output = Succeeds(nameof(Scenarios.ThreadThatStaysInside), EntryMethod.Vdso, "--stats");
        Assert.Matches(@"epc pages total: (\d+)\nepc pages free: \1\n", output);
    }

    private static string Succeeds(string name, EntryMethod method, params string[] options)
    {
        (int status, string output) = Machine.Scenario(name, method, options);
        Assert.True(status == 0, $"status {status}: {output}");
        Assert.Contains($"{name}: ok\n", output, StringComparison.Ordinal);
        return output;
    }
}
