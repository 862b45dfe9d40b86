using System.CommandLine;
using Cloister.Attestation.Collaterals;
using Cloister.Cli.Platforms;

namespace Cloister.Cli.Commands;

/// <summary>The options that say what verifiers shall find.</summary>
/// <param name="orFile">Whether the collateral may be a file instead.</param>
internal sealed class VerdictOptions(bool orFile = false)
{
    private readonly Option<string?> _tcb = new("--tcb") { HelpName = "STATUS", Description = VerdictText.TcbDescription };
    private readonly Option<string?> _quoting = new("--qe-tcb") { HelpName = "STATUS", Description = VerdictText.QuotingDescription };
    private readonly Option<string?> _collateral = orFile
        ? new("--collateral")
        {
            HelpName = "fresh|expired|FILE",
            Description = "Whether the collateral that Cloister makes for a quote under the development root is fresh or expired; or a JSON file of other collateral. Default: fresh.",
        }
        : new("--collateral") { HelpName = "fresh|expired", Description = VerdictText.CollateralDescription };
    private readonly Option<string?> _pck = new("--pck") { HelpName = "valid|revoked", Description = VerdictText.PckDescription };

    public void AddTo(Command command)
    {
        _tcb.CompletionSources.Add([.. VerdictText.Statuses]);
        _quoting.CompletionSources.Add([.. VerdictText.QuotingStatuses]);
        _collateral.CompletionSources.Add([.. VerdictText.Ages]);
        _pck.CompletionSources.Add([.. VerdictText.Certificates]);
        foreach (Option option in new Option[] { _tcb, _quoting, _collateral, _pck })
        {
            command.Options.Add(option);
        }
    }

    /// <summary>The file of collateral, where one may be and is named.</summary>
    public FileInfo? File(ParseResult parsed) => orFile && parsed.GetValue(_collateral) is { } text && !VerdictText.Ages.Contains(text)
        ? InputFile.Of(text) : null;

    /// <summary>What they say.</summary>
    /// <exception cref="PlatformProblem">One has a value that it cannot have.</exception>
    public Verdict Read(ParseResult parsed)
    {
        var verdict = new Verdict();
        foreach ((Option<string?> option, VerdictText.Part part) in new[] { (_tcb, VerdictText.Tcb), (_quoting, VerdictText.Quoting),
            (_collateral, VerdictText.Collateral), (_pck, (VerdictText.Part)VerdictText.Pck) })
        {
            if (parsed.GetValue(option) is { } text && (option != _collateral || File(parsed) is null))
            {
                verdict = part(verdict, text, option.Name, out string? problem) ?? throw new PlatformProblem(problem!, Failure.Usage);
            }
        }

        return verdict;
    }
}
