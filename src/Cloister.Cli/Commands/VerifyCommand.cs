using System.CommandLine;
using System.CommandLine.Parsing;
using Cloister.Images;

namespace Cloister.Cli.Commands;

/// <summary>cloister verify FILE: signature, quotients, hash against content, policy.</summary>
internal static class VerifyCommand
{
    /// <summary>The command, for the root command.</summary>
    public static Command Create()
    {
        var options = new ImageOptions();
        var mrenclave = new Option<string[]>("--mrenclave")
        {
            HelpName = "HEX",
            Description = "MRENCLAVE that it must have: 64 hexadecimal digits.",
        };
        var mrsigner = new Option<string[]>("--mrsigner")
        {
            HelpName = "HEX",
            Description = "MRSIGNER that it must have: 64 hexadecimal digits.",
        };
        mrenclave.Validators.Add(Hash);
        mrsigner.Validators.Add(Hash);
        var policy = new Option<FileInfo?>("--policy")
        {
            HelpName = "FILE",
            Description = "A JSON file with more conditions (docs/reference/formats.md).",
        };
        var against = new Option<FileInfo?>("--against")
        {
            HelpName = "FILE",
            Description = "The file as it was signed: when the content fails, the first page that differs is named.",
        };
        var command = new Command("verify", "Verify an enclave file: exit status 0 only when everything holds.");
        options.AddTo(command);
        command.Options.Add(new OutputOption());
        command.Options.Add(mrenclave);
        command.Options.Add(mrsigner);
        command.Options.Add(policy);
        command.Options.Add(against);
        command.SetAction((parsed, cancellation) => Task.FromResult(Failing.Guard(parsed.GetValue(options.File)!.ToString(), () =>
        {
            VerificationPolicy conditions = parsed.GetValue(policy) is { } file
                ? Policy(file)
                : new VerificationPolicy();
            conditions = conditions with
            {
                Mrenclave = [.. conditions.Mrenclave, .. parsed.GetValue(mrenclave) ?? []],
                Mrsigner = [.. conditions.Mrsigner, .. parsed.GetValue(mrsigner) ?? []],
            };
            using EnclaveImage image = options.Open(parsed);
            using EnclaveImage? original = parsed.GetValue(against) is { } other ? options.Open(parsed, other) : null;
            return Verify(parsed, options, image, original, conditions, cancellation);
        })));
        return command;
    }

    // A hash that no enclave can have is a slip of whoever wrote it, and no finding about the enclave.
    private static void Hash(OptionResult result)
    {
        if (result.Tokens.FirstOrDefault(token => token.Value.Length != 64 || !token.Value.All(char.IsAsciiHexDigit)) is { } token)
        {
            result.AddError($"{result.Option.Name} {token.Value}: write 64 hexadecimal digits");
        }
    }

    private static VerificationPolicy Policy(FileInfo file)
    {
        try
        {
            return VerificationPolicy.Parse(InputFile.Text(file));
        }
        catch (ImageException e) when (!e.Message.StartsWith(file.ToString(), StringComparison.Ordinal))
        {
            throw new ImageException($"--policy {file}: {e.Message}", e);
        }
    }

    // Every enclave of the file is verified unless one was asked for: a loader may take any of them.
    private static int Verify(ParseResult parsed, ImageOptions options, EnclaveImage image, EnclaveImage? original,
        VerificationPolicy policy, CancellationToken cancellation)
    {
        bool quiet = parsed.GetValue(options.Quiet);
        IReadOnlyList<EnclaveVariant> variants = parsed.GetValue(options.Variant) is null ? image.Variants
            : [options.Choose(parsed, image)];
        var results = new List<Result>();
        foreach (EnclaveVariant variant in variants)
        {
            using var progress = new PageProgress(variant, quiet);
            IReadOnlyList<Check> checks = EnclaveVerifier.Verify(image, variant, policy, progress, cancellation);
            checks = variants.Count > 1 && SignerAgreement.Of(image, variant) is { } agreement ? [.. checks, agreement] : checks;
            bool compare = original is not null && variant.Pages is not null
                && checks.Any(check => check is { Name: "content", Passed: false });
            results.Add(new Result(variant, checks, compare ? Compare(original!, image, variant, cancellation) : null));
        }

        bool passed = results.All(result => result.Checks.All(check => check.Passed));
        if (parsed.GetValue(options.Json))
        {
            PrintJson(parsed, options, image, results, passed);
        }
        else if (quiet)
        {
            Console.WriteLine(passed ? "ok" : "failed");
        }
        else
        {
            Print(image, results, passed, original is not null);
        }

        return passed ? 0 : Failing.Failed;
    }

    private static EnclaveDifference? Compare(EnclaveImage original, EnclaveImage image, EnclaveVariant variant,
        CancellationToken cancellation) =>
        EnclaveComparison.Find(original, original.Variants.FirstOrDefault(one => one.Name == variant.Name) ?? original.PreferredVariant,
            image, variant, cancellation);

    private static void Print(EnclaveImage image, List<Result> results, bool passed, bool compared)
    {
        foreach ((EnclaveVariant variant, IReadOnlyList<Check> checks, EnclaveDifference? difference) in results)
        {
            Console.WriteLine($"{image.FormatName}, {variant.Name}");
            foreach (Check check in checks)
            {
                Terminal.Write(check.Passed ? "  [green]ok[/]      " : "  [red]FAILED[/]  ");
                Console.WriteLine(check.Name);
                if (!check.Passed)
                {
                    Console.WriteLine($"            expected  {check.Expected}");
                    Console.WriteLine($"            found     {check.Found}");
                    Console.WriteLine($"            where     {check.Where}");
                    if (check.Name == "content" && variant.Pages is not null)
                    {
                        Console.WriteLine($"            {Explain(difference, compared)}");
                    }
                }
            }

            if (variant.Pages is null && image.Format == ImageFormat.Sigstruct)
            {
                Console.WriteLine($"  --      content: {variant.PagesMissing}");
            }
        }

        Console.WriteLine(passed ? "Everything that was checked holds." : "This enclave file is not to be trusted.");
    }

    private static void PrintJson(
        ParseResult parsed,
        ImageOptions options,
        EnclaveImage image,
        List<Result> results,
        bool passed) => JsonOutput.Print(writer =>
    {
        writer.WriteString("file", parsed.GetValue(options.File)!.ToString());
        writer.WriteString("format", JsonOutput.Name(image.Format));
        writer.WriteBoolean("passed", passed);
        writer.WriteStartArray("variants");
        foreach ((EnclaveVariant variant, IReadOnlyList<Check> checks, EnclaveDifference? difference) in results)
        {
            writer.WriteStartObject();
            writer.WriteString("variant", variant.Name);
            writer.WriteStartArray("checks");
            foreach (Check check in checks)
            {
                writer.WriteStartObject();
                writer.WriteString("name", check.Name);
                writer.WriteBoolean("passed", check.Passed);
                writer.WriteString("expected", check.Expected);
                writer.WriteString("found", check.Found);
                writer.WriteString("where", check.Where);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            if (difference is not null)
            {
                JsonOutput.Difference(writer, difference);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    private static string Explain(EnclaveDifference? difference, bool compared) => difference switch
    {
        null when compared => "the other file measures the same: it is not what was signed either",
        null => "the hash alone does not tell which page; --against ORIGINAL names it",
        { Offset: { } at } => $"page      0x{at:x}: {difference.What}: expected {difference.First}, found {difference.Second}",
        _ => $"ECREATE   {difference.What}: expected {difference.First}, found {difference.Second}",
    };

    private sealed record Result(EnclaveVariant Variant, IReadOnlyList<Check> Checks, EnclaveDifference? Difference);
}
