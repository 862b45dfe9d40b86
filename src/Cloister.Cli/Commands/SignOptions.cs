using System.CommandLine;
using System.Globalization;
using Cloister.Architecture;
using Cloister.Images;

namespace Cloister.Cli.Commands;

/// <summary>The options of sign.</summary>
internal sealed class SignOptions
{
    public ImageOptions Image { get; } = new();

    public Option<FileInfo?> Key { get; } = new("--key")
    {
        HelpName = "FILE",
        Description = "The private key, PEM: RSA, 3072 bits, exponent 3.",
    };

    public Option<FileInfo?> PublicKey { get; } = new("--public-key")
    {
        HelpName = "FILE",
        Description = "The public key, PEM, for --signature-in.",
    };

    public Option<FileInfo?> DigestOut { get; } = new("--digest-out")
    {
        HelpName = "FILE",
        Description = "First step for a key elsewhere: write the 32 bytes to be signed.",
    };

    public Option<FileInfo?> DataOut { get; } = new("--data-out")
    {
        HelpName = "FILE",
        Description = "The same for signers that hash themselves: write the 256 bytes.",
    };

    public Option<FileInfo[]?> SignatureIn { get; } = new("--signature-in")
    {
        HelpName = "FILE",
        Description = "Second step: the signature, 384 bytes, as the signer wrote it; once for each that the first step asked for.",
    };

    public Option<FileInfo?> Config { get; } = new("--config")
    {
        HelpName = "FILE",
        Description = "For an Intel SDK file: lay it out by this XML configuration, as sgx_sign does. A file that was never signed is laid out by the SDK's defaults without it.",
    };

    public Option<string?> Sdk { get; } = new("--sdk")
    {
        HelpName = "VERSION",
        Description = "The release of the SDK the file was built with, for the layout of files that do not tell: 2.4.",
    };

    public Option<FileInfo?> Output { get; } = new("--output", "-o")
    {
        HelpName = "FILE",
        Description = "Where the result goes. By default NAME.signed.EXT or NAME.sig beside the file.",
    };

    public Option<ushort?> Isvprodid { get; } = new("--isvprodid") { HelpName = "NUMBER", Description = "ISVPRODID." };

    public Option<ushort?> Isvsvn { get; } = new("--isvsvn") { HelpName = "NUMBER", Description = "ISVSVN." };

    public Option<bool?> Debug { get; } = new("--debug")
    {
        HelpName = "true|false",
        Description = "true: set DEBUG. false: forbid it. By default it is left to whoever runs the enclave.",
    };

    public Option<DateOnly?> Date { get; } = new("--date")
    {
        HelpName = "DATE",
        Description = "DATE, yyyy-mm-dd. By default that of SOURCE_DATE_EPOCH, or today, UTC; the second step finds it by itself.",
    };

    public void AddTo(Command command)
    {
        Date.CustomParser = result =>
        {
            if (DateOnly.TryParseExact(result.Tokens.Single().Value, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None,
                out DateOnly date))
            {
                return date;
            }

            result.AddError($"{result.Tokens.Single().Value} is no date of the form yyyy-mm-dd");
            return null;
        };
        Image.AddTo(command);
        foreach (Option option in new Option[] { Key, PublicKey, DigestOut, DataOut, SignatureIn, Config, Sdk, Output, Isvprodid,
            Isvsvn, Debug, Date })
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
