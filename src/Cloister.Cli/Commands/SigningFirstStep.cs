using System.CommandLine;
using Cloister.Architecture;
using Cloister.Images;

namespace Cloister.Cli.Commands;

/// <summary>
/// What a signer elsewhere is to sign: one digest for all enclaves of a file whose SIGSTRUCTs are the same, else one for each that differs.
/// </summary>
internal static class SigningFirstStep
{
    /// <summary>Writes the files and says what they are for.</summary>
    public static int Write(ParseResult parsed, SignOptions options, List<(EnclaveVariant Variant, Sigstruct Sigstruct)> prepared,
        FileInfo? digest, FileInfo? data)
    {
        Part[] parts = [.. prepared.GroupBy(one => Convert.ToHexStringLower(SigstructSigner.Digest(one.Sigstruct))).Select((group, i) =>
            new Part(group.Key, group.First().Sigstruct, [.. group.Select(one => one.Variant.Name)], NameOf(digest, i), NameOf(data, i)))];
        foreach (Part part in parts)
        {
            if (part.Digest is { } file)
            {
                OutputFile.Write(file, Convert.FromHexString(part.Hex));
            }

            if (part.Data is { } other)
            {
                OutputFile.Write(other, SigstructSigner.SignedData(part.Sigstruct));
            }
        }

        if (parsed.GetValue(options.Image.Json))
        {
            PrintJson(parsed.GetValue(options.Image.File)!.ToString(), parts);
        }
        else if (parsed.GetValue(options.Image.Quiet))
        {
            Console.Write(string.Concat(parts.Select(part => part.Hex + "\n")));
        }
        else
        {
            Print(parts);
        }

        return 0;
    }

    // FILE, FILE.2, FILE.3.
    private static string? NameOf(FileInfo? file, int number) => file is null ? null : number == 0 ? file.FullName
        : $"{file.FullName}.{number + 1}";

    private static void Print(Part[] parts)
    {
        foreach (Part part in parts)
        {
            Console.WriteLine($"MRENCLAVE    {SigstructText.Enclavehash(part.Sigstruct)}  {string.Join(", ", part.Variants)}");
            Console.WriteLine($"to sign      SHA-256 {part.Hex}");
            if (parts.Length > 1)
            {
                Console.WriteLine($"written      {string.Join(", ", new[] { part.Digest, part.Data }.Where(file => file is not null))}");
            }
        }

        Console.WriteLine($"Sign {(parts.Length > 1 ? "each" : "it")} with RSA-3072, exponent 3, PKCS #1 v1.5, for example");
        Console.WriteLine("  openssl pkeyutl -sign -inkey KEY.pem -pkeyopt digest:sha256 -in DIGEST -out SIGNATURE");
        Console.WriteLine(
            $"and come back with the same options and {(parts.Length > 1 ? "--signature-in for each of them," : "--signature-in SIGNATURE")} --public-key PUBLIC.pem");
    }

    private static void PrintJson(string file, Part[] parts) => JsonOutput.Print(writer =>
    {
        writer.WriteString("file", file);
        writer.WriteString("mrenclave", SigstructText.Enclavehash(parts[0].Sigstruct));
        writer.WriteString("digest", parts[0].Hex);
        writer.WriteString("date", SigstructText.DescribeDate(parts[0].Sigstruct.Date));
        writer.WriteStartArray("toSign");
        foreach (Part part in parts)
        {
            writer.WriteStartObject();
            writer.WriteStartArray("variants");
            foreach (string name in part.Variants)
            {
                writer.WriteStringValue(name);
            }

            writer.WriteEndArray();
            writer.WriteString("mrenclave", SigstructText.Enclavehash(part.Sigstruct));
            writer.WriteString("digest", part.Hex);
            JsonOutput.Text(writer, "digestFile", part.Digest);
            JsonOutput.Text(writer, "dataFile", part.Data);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    private sealed record Part(string Hex, Sigstruct Sigstruct, string[] Variants, string? Digest, string? Data);
}
