using System.CommandLine;
using System.Globalization;
using System.Text;
using Cloister.Attestation;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collaterals;
using Cloister.Attestation.Quotes;
using Cloister.Attestation.Verification;
using Cloister.Cli.Platforms;
using Cloister.Linux;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister attest</c>: the development root, quotes and what verifies them.</summary>
internal static class AttestCommand
{
    public static Command Create() => new("attest", """
        Remote attestation with a development root of your own: quotes of programs under `run` verify with it, and with nothing else.
        The certificates say that they are Cloister's and not Intel's; no root ships.

        Examples:
          cloister attest root > root.pem
          cloister attest show quote.bin
          cloister attest verify quote.bin
          cloister attest collateral quote.bin --tcb OutOfDate > collateral.json
        """)
    {
        Root(), Show(), CollateralCommand(), Verify(), ServeCommand.Create(),
    };

    private static Argument<FileInfo> Quoted() => new("QUOTE")
    {
        Description = "The file of the quote, as the program got it; zeros behind it do not count.",
    };

    private static Option<bool> Json() => new("--json") { Description = "Print JSON (docs/reference/json.md lists the members)." };

    private static Command Root()
    {
        var der = new Option<bool>("--der") { Description = "Print DER in place of PEM." };
        var key = new Option<bool>("--key") { Description = "Print the public key in PEM." };
        var command = new Command("root",
            "Print the certificate of the development root, to give to a verifier. It is made at the first need.")
        { der, key, new OutputOption() };
        command.SetAction(parsed => Guard("root", () =>
        {
            DevelopmentAuthority authority = AuthorityStore.Take();
            byte[] bytes = parsed.GetValue(der) ? authority.Root.RawData
                : Encoding.ASCII.GetBytes(parsed.GetValue(key)
                    ? authority.Root.PublicKey.GetECDsaPublicKey()!.ExportSubjectPublicKeyInfoPem() + "\n"
                    : DevelopmentAuthority.Pem(authority.Root));
            Stream output = StandardStream.Output;
            output.Write(bytes);
            return 0;
        }));
        return command;
    }

    private static Command Show()
    {
        Argument<FileInfo> quote = Quoted();
        Option<bool> json = Json();
        var command = new Command("show", "Show what a quote says: header, REPORT, quoting enclave, certificates. Nothing is verified.")
        { quote, json, new OutputOption() };
        command.SetAction(parsed => Guard("show", () => Failing.Guard(parsed.GetValue(quote)!.ToString(), () =>
        {
            var read = Quote.Parse(InputFile.Bytes(parsed.GetValue(quote)!));
            if (parsed.GetValue(json))
            {
                QuoteOutput.PrintJson(parsed.GetValue(quote)!.ToString(), read);
            }
            else
            {
                QuoteOutput.Print(read);
            }

            return 0;
        })));
        return command;
    }

    private static Command CollateralCommand()
    {
        Argument<FileInfo> quote = Quoted();
        var verdict = new VerdictOptions();
        var directory = new Option<DirectoryInfo?>("--directory")
        {
            HelpName = "DIRECTORY",
            Description = "Write a file for each part, in place of one JSON text.",
        };
        var command = new Command("collateral",
            "Print what a verifier needs beside a quote and the root, as JSON: revocation lists, TCB information, identity, chains.")
        { quote, directory };
        verdict.AddTo(command);
        command.Options.Add(new OutputOption());
        command.SetAction(parsed => Guard("collateral", () => Failing.Guard(parsed.GetValue(quote)!.ToString(), () =>
        {
            Collateral made =
                OwnCollateral.Of(Quote.Parse(InputFile.Bytes(parsed.GetValue(quote)!)), verdict.Read(parsed), DateTimeOffset.UtcNow);
            if (parsed.GetValue(directory) is { } to)
            {
                OwnCollateral.Write(made, to);
            }
            else
            {
                JsonOutput.Print(made.Write);
            }

            return 0;
        })));
        return command;
    }

    private static Command Verify()
    {
        Argument<FileInfo> quote = Quoted();
        Option<bool> json = Json();
        var roots = new Option<FileInfo[]?>("--root")
        {
            HelpName = "FILE",
            Description = "The certificate of a root to trust, PEM or DER. Default: the development root, and Intel's, which is known by its hash.",
        };
        var at = new Option<string?>("--at")
        {
            HelpName = "TIME",
            Description = "The time that counts, as in 2025-07-01 or 2025-07-01T12:00:00Z. Default: now.",
        };
        var accept = new Option<string[]?>("--accept") { HelpName = "STATUS", Description = "A status that will do beside UpToDate." };
        var verdict = new VerdictOptions(orFile: true);
        var command = new Command("verify", """
            Verify a quote step by step: each check with both sides, which one fails, and what that means.
            Exit status 0 when every check holds and the status is UpToDate, or one that --accept names.
            """)
        { quote, roots, at, accept, json };
        accept.CompletionSources.Add([.. VerdictText.Statuses]);
        verdict.AddTo(command);
        command.Options.Add(new OutputOption());
        command.SetAction(parsed => Guard("verify", () => Failing.Guard(parsed.GetValue(quote)!.ToString(), () =>
        {
            DateTimeOffset time = Time(parsed.GetValue(at));
            string[] accepted = [
                .. (parsed.GetValue(accept)
                    ?? []).Select(text => VerdictText.Tcb(new Verdict(), text, "--accept", out string? problem)?.Tcb.ToString()
                        ?? throw new PlatformProblem(problem!, Failure.Usage)), nameof(TcbStatus.UpToDate)];
            var read = Quote.Parse(InputFile.Bytes(parsed.GetValue(quote)!));
            Collateral with = verdict.File(parsed) is { } file ? Named(file, bytes => Collateral.Parse(bytes))
                : OwnCollateral.Of(read, verdict.Read(parsed), time);
            VerificationReport report = QuoteVerifier.Verify(read, with, Roots(parsed.GetValue(roots)), time);
            bool passed = report.Status is { } status && accepted.Contains(status.ToString());
            if (parsed.GetValue(json))
            {
                QuoteOutput.PrintJson(parsed.GetValue(quote)!.ToString(), report, passed);
            }
            else
            {
                QuoteOutput.Print(report, passed);
            }

            return passed ? 0 : Failing.Failed;
        })));
        return command;
    }

    private static TrustedRoots Roots(FileInfo[]? files) => files is { Length: > 0 }
        ? new TrustedRoots([.. files.Select(file => Named(file, Certificate))], [])
        : new TrustedRoots([AuthorityStore.Take().Root.RawData], [TrustedRoots.Intel]);

    private static byte[] Certificate(byte[] bytes) => bytes is [0x30, ..]
        ? ParsedCertificate.Parse(bytes).Der.ToArray()
        : ParsedCertificate.Chain(Encoding.Latin1.GetString(bytes)) is [.., var last] ? last.Der.ToArray()
        : throw new AttestationException("no certificate in PEM or DER");

    private static T Named<T>(FileInfo file, Func<byte[], T> read)
    {
        byte[] bytes = InputFile.Bytes(file);
        try
        {
            return read(bytes);
        }
        catch (AttestationException wrong)
        {
            throw new AttestationException($"{file}: {wrong.Message}", wrong);
        }
    }

    private static DateTimeOffset Time(string? text) => text is null ? DateTimeOffset.UtcNow
        : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
            out DateTimeOffset time) ? time
        : throw new PlatformProblem($"--at {text}: not a time, as in 2025-07-01 or 2025-07-01T12:00:00Z", Failure.Usage);

    private static int Guard(string command, Func<int> action)
    {
        try
        {
            return action();
        }
        catch (PlatformProblem problem)
        {
            return Failure.Report($"attest {command}: {problem.Message}", problem.Status);
        }
    }
}
