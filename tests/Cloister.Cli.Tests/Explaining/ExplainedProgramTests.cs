using System.Text.RegularExpressions;
using Cloister.Cli.Explaining;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Explaining;

/// <summary>
/// Exceptions need instructions that fault in an enclave: conformance/programs/explained_failures.run provokes them, under each engine, and
/// reads that the row's causes are said. A key of another platform is sealing.run's.
/// </summary>
public partial class ExplainedProgramTests
{
    private static readonly string s_script = File.ReadAllText(Repository.At("conformance", "programs", "explained_failures.run"));

    public static TheoryData<string, string> Cases
    {
        get
        {
            var rows = new TheoryData<string, string>();
            foreach (ExplainedCase known in ExceptionCases.All)
            {
                rows.Add(known.Of, known.Outcome);
            }

            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Each_row_is_provoked_by_a_program(string of, string outcome)
    {
        if (of == "a key")
        {
            Assert.Contains("an enclave asks for a seal key that platform second gave before",
                File.ReadAllText(Repository.At("conformance", "programs", "sealing.run")), StringComparison.Ordinal);
            return;
        }

        Assert.True(RowLine().Matches(s_script).Any(row => (row.Groups[1].Value, row.Groups[2].Value) == (of, outcome))
            || s_script.Contains($"causes '{of}' '{outcome}'", StringComparison.Ordinal), "no case of explained_failures.run provokes it");
    }

    [Fact]
    public void No_program_provokes_a_row_that_is_not_there() => Assert.All(RowLine().Matches(s_script), row => Assert.Contains(
        ExceptionCases.All, known => (known.Of, known.Outcome) == (row.Groups[1].Value, row.Groups[2].Value)));

    [GeneratedRegex("""^row \w+ '([^']+)' ['"]([^"]+?)['"](?= |$)""", RegexOptions.Multiline)]
    private static partial Regex RowLine();
}
