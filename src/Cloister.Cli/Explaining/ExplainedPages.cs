using System.Text;
using Cloister.Driver;
using Cloister.Processor;

namespace Cloister.Cli.Explaining;

/// <summary>Every case of <c>--explain</c> as a page of documentation.</summary>
internal static class ExplainedPages
{
    /// <summary>The page, in Markdown.</summary>
    public static string Render()
    {
        var text = new StringBuilder("""
            # What `--explain` explains

            <!-- made from the tables of cases by CLOISTER_REGENERATE=1 dotnet test tests/Cloister.Cli.Tests -->

            `cloister run --explain` says of each failure what was tried and by whom, where (function and line, where the files of host and enclave
            have them), which check refused it, the values on both sides, and what usually causes it; of each distinct one once, and at the end how
            often those came that came again. It is on when the error stream is a terminal; `--explain=no` turns it off.

            A call's place is the function that called the C library or the vDSO, by the tables (.eh_frame) of the files. The place inside is found by
            comparing the code there with the ELF files that the program opened or mapped, or that `--against` names.

            A test provokes each row. Of the leaves ETRACKC, ELDB, ELDUC, ELDBC and ERDINFO are executed by no driver here; their rows say what the
            processor answers one that does.


            """.ReplaceLineEndings("\n"));
        Cases(text, "Ioctls", "ioctl", "error", IoctlCases.All);
        Rules(text, "Checks of ioctls", Enum.GetValues<IoctlRule>().Select(IoctlCases.Text));
        Cases(text, "Leaves", "leaf", "outcome", LeafCases.All);
        Rules(text, "Checks of leaves", Enum.GetValues<LeafRule>().Select(LeafCases.Text));
        Cases(text, "Exceptions, ends and keys", "what", "how", ExceptionCases.All);
        return text.ToString();
    }

    private static void Cases(StringBuilder text, string title, string of, string outcome, IEnumerable<ExplainedCase> cases)
    {
        _ = text.Append($"## {title}\n\n| {of} | {outcome} | usual causes |\n|---|---|---|\n");
        foreach (ExplainedCase known in cases)
        {
            _ = text.Append($"| {known.Of} | {known.Outcome} | {known.Causes} |\n");
        }

        _ = text.Append('\n');
    }

    private static void Rules(StringBuilder text, string title, IEnumerable<string> rules)
    {
        _ = text.Append($"## {title}\n\n");
        foreach (string rule in rules.Where(rule => rule.Length > 0))
        {
            _ = text.Append($"- {rule}\n");
        }

        _ = text.Append('\n');
    }
}
