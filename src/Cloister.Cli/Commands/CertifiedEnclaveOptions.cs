using System.CommandLine;
using Cloister.Attestation;
using Cloister.Attestation.Platforms;
using Cloister.Cli.Platforms;
using Cloister.Images;

namespace Cloister.Cli.Commands;

/// <summary>The options that say whose PCE and QE a platform certifies.</summary>
internal sealed class CertifiedEnclaveOptions
{
    // In place of a file; ./intel is a file of this name.
    private const string Intel = "intel";

    private readonly Option<string?> _pce = new("--pce")
    {
        HelpName = "FILE|intel",
        Description = "The PCE whose key is certified: a signed enclave file. Its ISVSVN is the PCESVN. Default: Intel's.",
    };
    private readonly Option<string?> _qe = new("--qe")
    {
        HelpName = "FILE|intel",
        Description = "The QE that the QE identity is of: a signed enclave file. Default: Intel's.",
    };

    public void AddTo(Command command)
    {
        foreach (Option<string?> option in new[] { _pce, _qe })
        {
            option.CompletionSources.Add(Intel);
            command.Options.Add(option);
        }
    }

    /// <summary>Whether one is given.</summary>
    public bool AreGiven(ParseResult parsed) => parsed.GetValue(_pce) is not null || parsed.GetValue(_qe) is not null;

    /// <summary>Reads the files.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="pcesvn">The PCESVN that was asked for as well, or null.</param>
    /// <returns>What they change of settings.</returns>
    /// <exception cref="PlatformProblem">One is no such enclave.</exception>
    public Func<PlatformSettings, PlatformSettings> Read(ParseResult parsed, ushort? pcesvn)
    {
        string? pce = parsed.GetValue(_pce), qe = parsed.GetValue(_qe);
        if (pce is not null && pcesvn is not null)
        {
            throw new PlatformProblem($"--pcesvn {pcesvn}: with --pce it is the ISVSVN of that PCE", Failure.Usage);
        }

        ArchitecturalEnclave? certification = Enclave(_pce, pce), quoting = Enclave(_qe, qe);
        return settings =>
        {
            settings = pce is null ? settings : settings.Certifying(certification);
            return qe is null ? settings : settings with { Qe = quoting };
        };
    }

    /// <summary>A PCESVN of a platform.</summary>
    /// <exception cref="PlatformProblem">Its PCE has no key of such a version.</exception>
    public static ushort Pcesvn(PlatformSettings settings, ushort asked) => settings.Pce is { } pce && asked > pce.Isvsvn
        ? throw new PlatformProblem(
            $"--pcesvn {asked}: this platform's PCE has ISVSVN {pce.Isvsvn}, and no key of a later version", Failure.Usage)
        : asked;

    private static ArchitecturalEnclave? Enclave(Option<string?> option, string? name)
    {
        if (name is null or Intel)
        {
            return null;
        }

        try
        {
            using EnclaveImage image = ImageReader.Open(InputFile.Ordinary(InputFile.Of(name)), new ReadOptions());
            return image.PreferredVariant.Sigstruct is { } sigstruct ? ArchitecturalEnclave.Of(in sigstruct)
                : throw new AttestationException("an enclave that is not signed");
        }
        catch (Exception wrong) when (wrong is ImageException or AttestationException || FileProblem.IsOne(wrong))
        {
            string message = FileProblem.IsOne(wrong) ? FileProblem.Of(name, wrong) : wrong.Message;
            throw new PlatformProblem(
                $"{option.Name} {(message.StartsWith(name, StringComparison.Ordinal) ? message : $"{name}: {message}")}",
                Failing.Unreadable);
        }
    }
}
