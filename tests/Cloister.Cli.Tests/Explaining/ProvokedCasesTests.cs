using Cloister.Cli.Explaining;
using Cloister.Driver;
using Cloister.Processor;

namespace Cloister.Cli.Tests.Explaining;

/// <summary>Each case of docs/reference/explain.md comes about in driver and processor, and is explained as the page says.</summary>
public class ProvokedCasesTests
{
    private const string MustHold = "  must hold: ";

    // A call that a signal ends comes again and is no failure; what does not fit a SIGSTRUCT is told field by field (RefusalReport).
    private static readonly IoctlRule[] s_untoldIoctlRules = [IoctlRule.None, IoctlRule.NoSignal, IoctlRule.SigstructFits];

    // ECREATE has looked at it before, on this machine.
    private static readonly LeafRule[] s_untoldLeafRules = [LeafRule.None, LeafRule.XfrmWithinXcr0];

    public static TheoryData<string, string> Ioctls => Rows(IoctlCases.All);

    public static TheoryData<string, string> Leaves => Rows(LeafCases.All);

    [Theory]
    [MemberData(nameof(Ioctls))]
    public void An_error_of_an_ioctl_is_explained(string of, string outcome) =>
        Assert.All(Provocations(IoctlProvocations.Cases, of, outcome), provocation =>
        {
            IReadOnlyList<string> lines = Said(provocation);
            Assert.True(of == "any ioctl" || lines[0].StartsWith($"{of} gave {outcome}", StringComparison.Ordinal), lines[0]);
            Assert.Contains($"  usually: {IoctlCases.All.Single(known => known.Of == of && known.Outcome == outcome).Causes}", lines);

            // What refuses a SIGSTRUCT is told beside it.
            Assert.True(outcome == "EACCES" || lines.Skip(1).Any(line => line.StartsWith(MustHold, StringComparison.Ordinal)
                || line.Contains(" gave ", StringComparison.Ordinal)), "nothing says which check refused it");
        });

    [Theory]
    [MemberData(nameof(Leaves))]
    public void An_outcome_of_a_leaf_is_explained(string of, string outcome) =>
        Assert.All(Provocations(LeafProvocations.Cases, of, outcome), provocation =>
        {
            IReadOnlyList<string> lines = Said(provocation);
            string causes = LeafCases.Causes(of, outcome)!;
            bool isDrivers = lines[0].StartsWith("SGX_IOC_OF_A_DRIVER gave EIO", StringComparison.Ordinal);
            bool isNamed = of == "any ENCLU leaf" || lines[0].StartsWith($"{of} gave {outcome}", StringComparison.Ordinal);
            Assert.True(isDrivers || isNamed, lines[0]);
            Assert.Contains(isDrivers ? $"  {of} gave {outcome}: {causes}" : $"  usually: {causes}", lines);
        });

    [Fact]
    public void Every_error_of_an_ioctl_is_provoked() => AllAreProvoked(IoctlCases.All, IoctlProvocations.Cases);

    [Fact]
    public void Every_outcome_of_a_leaf_is_provoked() => AllAreProvoked(LeafCases.All, LeafProvocations.Cases);

    [Fact]
    public void Every_check_of_an_ioctl_is_provoked() => AllRefuse(
        Enum.GetValues<IoctlRule>().Except(s_untoldIoctlRules).Select(IoctlCases.Text), IoctlProvocations.Cases);

    [Fact]
    public void Every_check_of_a_leaf_is_provoked() => AllRefuse(
        Enum.GetValues<LeafRule>().Except(s_untoldLeafRules).Select(LeafCases.Text), LeafProvocations.Cases);

    private static TheoryData<string, string> Rows(IEnumerable<ExplainedCase> cases)
    {
        var rows = new TheoryData<string, string>();
        foreach (ExplainedCase known in cases)
        {
            rows.Add(known.Of, known.Outcome);
        }

        return rows;
    }

    private static List<Provocation> Provocations(IEnumerable<Provocation> all, string of, string outcome)
    {
        List<Provocation> found = [.. all.Where(provocation => provocation.Of == of && provocation.Outcome == outcome)];
        Assert.NotEmpty(found);
        return found;
    }

    private static IReadOnlyList<string> Said(Provocation provocation)
    {
        IReadOnlyList<string> lines = provocation.Lines;
        string all = string.Join('\n', lines);
        Assert.NotEmpty(lines);
        Assert.All(provocation.Says, text => Assert.Contains(text, all, StringComparison.Ordinal));
        return lines;
    }

    private static void AllAreProvoked(IEnumerable<ExplainedCase> cases, IEnumerable<Provocation> provocations) => Assert.Equal(
        cases.Select(known => $"{known.Of} {known.Outcome}").Order(StringComparer.Ordinal),
        provocations.Select(provocation => $"{provocation.Of} {provocation.Outcome}").Distinct().Order(StringComparer.Ordinal));

    private static void AllRefuse(IEnumerable<string> checks, IEnumerable<Provocation> provocations)
    {
        string[] told = [.. provocations.SelectMany(provocation => provocation.Lines)
            .Where(line => line.StartsWith(MustHold, StringComparison.Ordinal))];
        Assert.All(checks, check => Assert.Contains(told,
            line => line == MustHold + check || line.StartsWith($"{MustHold}{check}; here ", StringComparison.Ordinal)));
    }
}
