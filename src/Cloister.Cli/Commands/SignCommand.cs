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
        FileInfo? signature = parsed.GetValue(options.SignatureIn);
        FileInfo? digest = parsed.GetValue(options.DigestOut);
        FileInfo? data = parsed.GetValue(options.DataOut);
        int ways = (key is not null && signature is null ? 1 : 0) + (signature is not null ? 1 : 0) + (digest is not null || data is not null ? 1 : 0);
        if (ways != 1)
        {
            throw new ImageException("give one of --key; --digest-out or --data-out; --signature-in with --key or --public-key");
        }

        // An outside signer signs one enclave at a time; a key at hand signs all that the file has.
        bool one = parsed.GetValue(options.Image.Variant) is not null || key is null || signature is not null;
        IReadOnlyList<EnclaveVariant> variants = one ? [options.Image.Choose(parsed, image)] : image.Variants;
        var prepared = new List<(EnclaveVariant Variant, Sigstruct Sigstruct)>();
        foreach (EnclaveVariant variant in variants)
        {
            using var progress = new PageProgress(variant, parsed.GetValue(options.Image.Quiet));
            SigningParameters parameters = options.Apply(parsed, EnclaveSigner.DefaultParameters(variant));
            DateOnly date = parsed.GetValue(options.Date) ?? DateOnly.FromDateTime(DateTime.UtcNow);
            prepared.Add((variant, EnclaveSigner.Prepare(image, variant, parameters, date, progress, cancellation)));
        }

        return ways == 1 && (digest is not null || data is not null)
            ? WriteDigest(parsed, options, prepared[0].Sigstruct, digest, data)
            : WriteSigned(parsed, options, image, prepared, key, signature);
    }

    private static int WriteDigest(ParseResult parsed, SignOptions options, Sigstruct prepared, FileInfo? digest, FileInfo? data)
    {
        byte[] bytes = SigstructSigner.Digest(in prepared);
        if (digest is not null)
        {
            File.WriteAllBytes(digest.FullName, bytes);
        }

        if (data is not null)
        {
            File.WriteAllBytes(data.FullName, SigstructSigner.SignedData(in prepared));
        }

        string hex = Convert.ToHexStringLower(bytes);
        string mrenclave = SigstructText.Enclavehash(in prepared);
        if (parsed.GetValue(options.Image.Json))
        {
            JsonOutput.Print(writer =>
            {
                writer.WriteString("file", parsed.GetValue(options.Image.File)!.ToString());
                writer.WriteString("mrenclave", mrenclave);
                writer.WriteString("digest", hex);
                writer.WriteString("date", SigstructText.DescribeDate(prepared.Date));
            });
        }
        else if (parsed.GetValue(options.Image.Quiet))
        {
            Console.WriteLine(hex);
        }
        else
        {
            Console.WriteLine($"MRENCLAVE    {mrenclave}");
            Console.WriteLine($"to sign      SHA-256 {hex}");
            Console.WriteLine("Sign it with RSA-3072, exponent 3, PKCS #1 v1.5, for example");
            Console.WriteLine("  openssl pkeyutl -sign -inkey KEY.pem -pkeyopt digest:sha256 -in DIGEST -out SIGNATURE");
            Console.WriteLine("and come back with the same options and --signature-in SIGNATURE --public-key PUBLIC.pem");
        }

        return 0;
    }

    private static int WriteSigned(
        ParseResult parsed,
        SignOptions options,
        EnclaveImage image,
        List<(EnclaveVariant Variant, Sigstruct Sigstruct)> prepared,
        FileInfo? key,
        FileInfo? signature)
    {
        using RSA rsa = InputFile.Key(key ?? parsed.GetValue(options.PublicKey) ?? throw new ImageException("--signature-in needs --public-key or --key"), toSign: signature is null);
        byte[]? made = signature is null ? null : InputFile.Bytes(signature);
        bool searchDate = parsed.GetValue(options.Date) is null;
        List<(EnclaveVariant Variant, Sigstruct Sigstruct)> signed =
        [
            .. prepared.Select(one => (one.Variant, made is null
                ? SigstructSigner.Sign(one.Sigstruct, rsa)
                : EnclaveSigner.Complete(one.Sigstruct, made, SigstructSigner.Modulus(rsa), searchDate))),
        ];
        string input = parsed.GetValue(options.Image.File)!.FullName;
        string output = parsed.GetValue(options.Output)?.FullName ?? DefaultOutput(image, input);
        EnclaveSigner.Write(image, signed, output);
        Sigstruct first = signed[0].Sigstruct;
        string? laidOut = image.Details.Where(detail => detail.Name == IntelSdkLayout.DetailName).Select(detail => detail.Value).FirstOrDefault();
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
                Console.WriteLine($"laid out as  {laidOut}, by {(parsed.GetValue(options.Config) is { } file ? file.ToString() : "the SDK's defaults: --config FILE.xml gives others")}");
            }

            Console.WriteLine($"MRSIGNER     {SigstructText.Mrsigner(in first)}");
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

/// <summary>The options of sign.</summary>
internal sealed class SignOptions
{
    public ImageOptions Image { get; } = new();

    public Option<FileInfo?> Key { get; } = new("--key") { Description = "The private key, PEM: RSA, 3072 bits, exponent 3." };

    public Option<FileInfo?> PublicKey { get; } = new("--public-key") { Description = "The public key, PEM, for --signature-in." };

    public Option<FileInfo?> DigestOut { get; } = new("--digest-out") { Description = "First step for a key elsewhere: write the 32 bytes to be signed." };

    public Option<FileInfo?> DataOut { get; } = new("--data-out") { Description = "The same for signers that hash themselves: write the 256 bytes." };

    public Option<FileInfo?> SignatureIn { get; } = new("--signature-in") { Description = "Second step: the signature, 384 bytes, as the signer wrote it." };

    public Option<FileInfo?> Config { get; } = new("--config") { Description = "For an Intel SDK file: lay it out by this XML configuration, as sgx_sign does. A file that was never signed is laid out by the SDK's defaults without it." };

    public Option<string?> Sdk { get; } = new("--sdk") { Description = "The release of the SDK the file was built with, for the layout of files that do not tell: 2.4." };

    public Option<FileInfo?> Output { get; } = new("--output", "-o") { Description = "Where the result goes. By default NAME.signed.EXT or NAME.sig beside the file." };

    public Option<ushort?> Isvprodid { get; } = new("--isvprodid") { Description = "ISVPRODID." };

    public Option<ushort?> Isvsvn { get; } = new("--isvsvn") { Description = "ISVSVN." };

    public Option<bool?> Debug { get; } = new("--debug") { Description = "true: set DEBUG. false: forbid it. By default it is left to whoever runs the enclave." };

    public Option<DateOnly?> Date { get; } = new("--date") { Description = "DATE, yyyy-mm-dd. By default today, UTC; the second step finds it by itself." };

    public void AddTo(Command command)
    {
        Date.CustomParser = result =>
        {
            if (DateOnly.TryParseExact(result.Tokens.Single().Value, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateOnly date))
            {
                return date;
            }

            result.AddError($"{result.Tokens.Single().Value} is no date of the form yyyy-mm-dd");
            return null;
        };
        Image.AddTo(command);
        foreach (Option option in new Option[] { Key, PublicKey, DigestOut, DataOut, SignatureIn, Config, Sdk, Output, Isvprodid, Isvsvn, Debug, Date })
        {
            command.Options.Add(option);
        }
    }

    public bool LaysOut(ParseResult parsed, EnclaveImage image) => parsed.GetValue(Config) is not null || IntelSdkLayout.IsMissing(image);

    public EnclaveImage LayOut(ParseResult parsed, EnclaveImage image)
    {
        IntelSdkConfiguration configuration = IntelSdkConfiguration.Default;
        if (parsed.GetValue(Config) is { } file)
        {
            try
            {
                configuration = IntelSdkConfiguration.Parse(InputFile.Text(file));
            }
            catch (ImageException wrong)
            {
                throw new ImageException($"{file}: {wrong.Message}", wrong);
            }
        }

        return IntelSdkLayout.Make(image, configuration, parsed.GetValue(Sdk));
    }

    public SigningParameters Apply(ParseResult parsed, SigningParameters defaults)
    {
        SigningParameters parameters = defaults with
        {
            Isvprodid = parsed.GetValue(Isvprodid) ?? defaults.Isvprodid,
            Isvsvn = parsed.GetValue(Isvsvn) ?? defaults.Isvsvn,
        };
        return parsed.GetValue(Debug) switch
        {
            true => parameters with { Attributes = parameters.Attributes | new Attributes(AttributeFlags.Debug, 0) },
            false => parameters with
            {
                Attributes = parameters.Attributes & new Attributes(~AttributeFlags.Debug, ulong.MaxValue),
                Attributemask = parameters.Attributemask | new Attributes(AttributeFlags.Debug, 0),
            },
            null => parameters,
        };
    }
}
