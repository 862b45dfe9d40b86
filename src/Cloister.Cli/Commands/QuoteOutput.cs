using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Cloister.Architecture;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Platforms;
using Cloister.Attestation.Quotes;
using Cloister.Attestation.Verification;

namespace Cloister.Cli.Commands;

/// <summary>What <c>attest show</c> and <c>attest verify</c> print.</summary>
internal static class QuoteOutput
{
    public static void Print(Quote quote)
    {
        foreach ((string name, string value, string meaning) in Fields(quote))
        {
            Console.WriteLine($"{name,-26} {value}{(meaning.Length == 0 ? "" : $"  ({meaning})")}");
        }
    }

    public static void PrintJson(string file, Quote quote) => JsonOutput.Print(writer =>
    {
        writer.WriteString("file", file);
        writer.WriteNumber("length", quote.Length);
        writer.WriteStartArray("fields");
        foreach ((string name, string value, string meaning) in Fields(quote))
        {
            writer.WriteStartObject();
            writer.WriteString("name", name);
            writer.WriteString("value", value);
            JsonOutput.Text(writer, "meaning", meaning.Length == 0 ? null : meaning);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    public static void Print(VerificationReport report, bool passed)
    {
        foreach (VerificationCheck check in report.Checks)
        {
            Terminal.Write(check.Passed ? "  [green]ok[/]      " : "  [red]FAILED[/]  ");
            Console.WriteLine(check.Name);
            if (!check.Passed)
            {
                Console.WriteLine($"            expected  {check.Expected}");
                Console.WriteLine($"            found     {check.Found}");
                Console.WriteLine($"            meaning   {check.Meaning}");
            }
        }

        Console.WriteLine(report.Status is { } status
            ? $"{status}{(report.Advisories.Count == 0 ? "" : $" ({string.Join(", ", report.Advisories)})")}{(passed ? "" : ": every check holds, and the status is not one that was asked for")}"
            : "This quote is not to be trusted.");
    }

    public static void PrintJson(string file, VerificationReport report, bool passed) => JsonOutput.Print(writer =>
    {
        writer.WriteString("file", file);
        writer.WriteBoolean("passed", passed);
        JsonOutput.Text(writer, "status", report.Status?.ToString());
        writer.WriteStartArray("advisories");
        foreach (string advisory in report.Advisories)
        {
            writer.WriteStringValue(advisory);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("checks");
        foreach (VerificationCheck check in report.Checks)
        {
            Members(writer, check);
        }

        writer.WriteEndArray();
    });

    private static void Members(Utf8JsonWriter writer, VerificationCheck check)
    {
        writer.WriteStartObject();
        writer.WriteString("name", check.Name);
        writer.WriteBoolean("passed", check.Passed);
        writer.WriteString("expected", check.Expected);
        writer.WriteString("found", check.Found);
        JsonOutput.Text(writer, "meaning", check.Passed ? null : check.Meaning);
        writer.WriteEndObject();
    }

    private static IEnumerable<(string Name, string Value, string Meaning)> Fields(Quote quote)
    {
        yield return ("version", $"{quote.Version}", "");
        yield return ("attestation key type", $"{quote.KeyType}", quote.KeyType == 2 ? "ECDSA P-256" : "");
        yield return ("TEE", $"0x{quote.Tee:x}", quote.Tee == 0 ? "SGX" : quote.Tee == Quote.TrustDomain ? "TDX" : "");
        if (quote.Version == 3)
        {
            yield return ("QE SVN", $"{quote.QeSvn}", "");
            yield return ("PCE SVN", $"{quote.PceSvn}", "");
        }

        yield return ("QE vendor", Hex(quote.VendorId), "");
        yield return ("QE identifier", Hex(quote.UserData[..16]), "");
        if (quote.Tee == 0)
        {
            foreach ((string, string, string) field in Fields("", quote.Body))
            {
                yield return field;
            }
        }
        else
        {
            yield return ("body", $"{quote.Body.Length} bytes", "of a trust domain, which is not read here");
        }

        foreach ((string, string, string) field in Fields("QE ", quote.QuotingBody))
        {
            yield return field;
        }

        yield return ("certification data", $"type {quote.CertificationType}, {quote.Certification.Length} bytes",
            quote.CertificationType == Quote.PemChain ? "a chain of certificates" : "");
        if (quote.CertificationType == Quote.PemChain)
        {
            foreach (ParsedCertificate certificate in ParsedCertificate.Chain(Encoding.Latin1.GetString(quote.Certification.Span)))
            {
                yield return (certificate.Name,
                    $"serial {certificate.Serial}, {certificate.NotBefore:yyyy-MM-dd} to {certificate.NotAfter:yyyy-MM-dd}",
                    certificate.Organization);
                if (certificate.Sgx is { } sgx)
                {
                    SgxExtension extension = SgxExtension.Read(sgx);
                    yield return ("  CPUSVN, PCESVN", $"{extension.Version.Cpusvn}, {extension.Version.Pcesvn}", "");
                    yield return ("  FMSPC, PCEID", $"{extension.Fmspc}, {extension.Pceid}", "");
                    yield return ("  PPID", extension.Ppid, "");
                }
            }
        }
    }

    private static IEnumerable<(string Name, string Value, string Meaning)> Fields(string prefix, ReadOnlyMemory<byte> bytes)
    {
        ReportBody body = MemoryMarshal.Read<ReportBody>(bytes.Span);
        yield return (prefix + "CPUSVN", Convert.ToHexStringLower(body.Cpusvn), "");
        yield return (prefix + "MRENCLAVE", Convert.ToHexStringLower(body.Mrenclave), "");
        yield return (prefix + "MRSIGNER", Convert.ToHexStringLower(body.Mrsigner),
            Convert.ToHexStringLower(body.Mrsigner) == ArchitecturalEnclave.IntelMrsigner ? "Intel's" : "");
        yield return (prefix + "ATTRIBUTES", $"0x{(ulong)body.Attributes.Flags:x}, XFRM 0x{body.Attributes.Xfrm:x}",
            body.Attributes.Flags.ToString());
        yield return (prefix + "MISCSELECT", $"0x{(uint)body.Miscselect:x}", "");
        yield return (prefix + "ISVPRODID, ISVSVN", $"{body.Isvprodid}, {body.Isvsvn}", "");
        yield return (prefix + "REPORTDATA", Convert.ToHexStringLower(body.Reportdata), "");
    }

    private static string Hex(ReadOnlyMemory<byte> bytes) => Convert.ToHexStringLower(bytes.Span);
}
