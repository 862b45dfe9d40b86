using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Images;

namespace Cloister.Cli.Commands;

/// <summary>cloister sign FILE: with a key at hand, or in two steps for a key that lives elsewhere.</summary>
internal static class SignCommand
{
    /// <summary>The command, for the root command.</summary>
    public static Command Create()
    {
        var options = new SignOptions();
        var command = new Command("sign", "Sign an enclave file.");
        options.AddTo(command);
        command.SetAction((parsed, cancellation) => Task.FromResult(Failing.Guard(parsed.GetValue(options.Image.File)!.ToString(), () =>
        {
            using EnclaveImage image = options.Image.Open(parsed);
            if (!options.LaysOut(parsed, image))
            {
                return Run(parsed, options, image, cancellation);
            }

            using EnclaveImage laidOut = options.LayOut(parsed, image);
            return Run(parsed, options, laidOut, cancellation);
        })));
        return command;
    }

    private static int Run(ParseResult parsed, SignOptions options, EnclaveImage image, CancellationToken cancellation)
    {
        FileInfo? key = parsed.GetValue(options.Key);
        FileInfo[] signatures = parsed.GetValue(options.SignatureIn) ?? [];
        FileInfo? digest = parsed.GetValue(options.DigestOut);
        FileInfo? data = parsed.GetValue(options.DataOut);
        int ways = (key is not null && signatures.Length == 0 ? 1 : 0) + (signatures.Length > 0 ? 1 : 0)
            + (digest is not null || data is not null ? 1 : 0);
        if (ways != 1)
        {
            throw new ImageException("give one of --key; --digest-out or --data-out; --signature-in with --key or --public-key");
        }

        // All that the file has: a loader takes any of them, and one that is left out keeps its signer.
        IReadOnlyList<EnclaveVariant> variants = parsed.GetValue(options.Image.Variant) is null ? image.Variants
            : [options.Image.Choose(parsed, image)];
        DateOnly date = parsed.GetValue(options.Date) ?? SourceDate() ?? DateOnly.FromDateTime(DateTime.UtcNow);
        var prepared = new List<(EnclaveVariant Variant, Sigstruct Sigstruct)>();
        foreach (EnclaveVariant variant in variants)
        {
            using var progress = new PageProgress(variant, parsed.GetValue(options.Image.Quiet));
            SigningParameters parameters = options.Apply(parsed, EnclaveSigner.DefaultParameters(variant));
            prepared.Add((variant, EnclaveSigner.Prepare(image, variant, parameters, date, progress, cancellation)));
        }

        return ways == 1 && (digest is not null || data is not null)
            ? SigningFirstStep.Write(parsed, options, prepared, digest, data)
            : WriteSigned(parsed, options, image, prepared, key, signatures);
    }

    // https://reproducible-builds.org/specs/source-date-epoch/: seconds since 1970, and a value that is none is an error.
    private static DateOnly? SourceDate()
    {
        const string name = "SOURCE_DATE_EPOCH";
        return Environment.GetEnvironmentVariable(name) switch
        {
            null or "" => null,
            var text when long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds)
                && seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds() =>
                DateOnly.FromDateTime(DateTimeOffset.FromUnixTimeSeconds(seconds).UtcDateTime),
            var text => throw new ImageException($"{name} is '{text}', and no number of seconds since 1970"),
        };
    }

    private static int WriteSigned(
        ParseResult parsed,
        SignOptions options,
        EnclaveImage image,
        List<(EnclaveVariant Variant, Sigstruct Sigstruct)> prepared,
        FileInfo? key,
        FileInfo[] signatures)
    {
        using RSA rsa = InputFile.Key(key ?? parsed.GetValue(options.PublicKey)
            ?? throw new ImageException("--signature-in needs --public-key or --key"), toSign: signatures.Length == 0);
        List<(EnclaveVariant Variant, Sigstruct Sigstruct)> signed = signatures.Length == 0
            ? [.. prepared.Select(one => (one.Variant, SigstructSigner.Sign(one.Sigstruct, rsa)))]
            : SigningSecondStep.Complete(prepared, signatures, SigstructSigner.Modulus(rsa),
                searchDate: parsed.GetValue(options.Date) is null);
        string input = parsed.GetValue(options.Image.File)!.FullName;
        string output = parsed.GetValue(options.Output)?.FullName ?? DefaultOutput(image, input);
        OutputFile.Replace(output, path => EnclaveSigner.Write(image, signed, path));
        Sigstruct first = signed[0].Sigstruct;
        string? laidOut = image.Details.Where(detail => detail.Name == IntelSdkLayout.DetailName).Select(detail => detail.Value)
            .FirstOrDefault();
        if (parsed.GetValue(options.Image.Json))
        {
            JsonOutput.Print(writer =>
            {
                writer.WriteString("file", parsed.GetValue(options.Image.File)!.ToString());
                writer.WriteString("output", output);
                writer.WriteString("laidOutAs", laidOut);
                writer.WriteString("mrsigner", SigstructText.Mrsigner(in first));
                writer.WriteStartArray("variants");
                foreach ((EnclaveVariant variant, Sigstruct sigstruct) in signed)
                {
                    writer.WriteStartObject();
                    writer.WriteString("variant", variant.Name);
                    writer.WriteString("mrenclave", SigstructText.Enclavehash(in sigstruct));
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            });
        }
        else if (parsed.GetValue(options.Image.Quiet))
        {
            Console.WriteLine(output);
        }
        else
        {
            foreach ((EnclaveVariant variant, Sigstruct sigstruct) in signed)
            {
                Console.WriteLine($"MRENCLAVE    {SigstructText.Enclavehash(in sigstruct)}  {variant.Name}");
            }

            if (laidOut is not null)
            {
                Console.WriteLine(
                    $"laid out as  {laidOut}, by {(parsed.GetValue(options.Config) is { } file ? file.ToString() : "the SDK's defaults: --config FILE.xml gives others")}");
            }

            Console.WriteLine($"MRSIGNER     {SigstructText.Mrsigner(in first)}");
            foreach (EnclaveVariant left in image.Variants.Where(variant => signed.TrueForAll(one => one.Variant != variant)))
            {
                Console.WriteLine(
                    $"left as is   {left.Name}{(left.Sigstruct is { } old ? $", which has MRSIGNER {SigstructText.Mrsigner(in old)}" : "")}");
            }

            Console.WriteLine($"written      {output}");
        }

        return 0;
    }

    // NAME.so becomes NAME.signed.so; a format that keeps the SIGSTRUCT apart gets NAME.sig.
    private static string DefaultOutput(EnclaveImage image, string input)
    {
        if (!EnclaveSigner.HoldsSigstruct(image))
        {
            return image.Format == ImageFormat.Gramine && input.EndsWith(".manifest.sgx", StringComparison.Ordinal)
                ? $"{input[..^".manifest.sgx".Length]}.sig"
                : Path.ChangeExtension(input, ".sig");
        }

        string extension = Path.GetExtension(input);
        string bare = input[..^extension.Length];
        return bare.EndsWith(".signed", StringComparison.Ordinal) ? $"{bare}.new{extension}" : $"{bare}.signed{extension}";
    }
}
