using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Cloister.Attestation.Certificates;

/// <summary>A certificate as verification needs it: the framework's chain building would look for roots and lists of its own.</summary>
public sealed class ParsedCertificate
{
    private readonly byte[] _signed, _signature;

    private ParsedCertificate(byte[] der, X509Certificate2 certificate, byte[] signed, byte[] signature, byte[] key)
    {
        (Der, _signed, _signature, Key) = (der, signed, signature, key);
        Name = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
        Subject = certificate.SubjectName.RawData;
        Issuer = certificate.IssuerName.RawData;
        (NotBefore, NotAfter) =
            (new DateTimeOffset(certificate.NotBefore).ToUniversalTime(), new DateTimeOffset(certificate.NotAfter).ToUniversalTime());
        Serial = Convert.ToHexStringLower(certificate.SerialNumberBytes.Span);
        IsAuthority = certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any(extension => extension.CertificateAuthority);
        MaySign = certificate.Extensions.OfType<X509KeyUsageExtension>()
            .Any(extension => extension.KeyUsages.HasFlag(X509KeyUsageFlags.DigitalSignature));
        Sgx = certificate.Extensions.FirstOrDefault(extension => extension.Oid?.Value == SgxExtension.Oid) is { } sgx
            ? sgx.RawData.AsMemory() : (Memory<byte>?)null;
        Organization = certificate.SubjectName.EnumerateRelativeDistinguishedNames()
            .Where(part => !part.HasMultipleElements && part.GetSingleElementType().Value == "2.5.4.10")
            .Select(part => part.GetSingleElementValue()).FirstOrDefault() ?? "";
    }

    /// <summary>All of it.</summary>
    public ReadOnlyMemory<byte> Der { get; }

    /// <summary>X and Y.</summary>
    public ReadOnlyMemory<byte> Key { get; }

    /// <summary>The common name.</summary>
    public string Name { get; }

    /// <summary>The organization.</summary>
    public string Organization { get; }

    /// <summary>Whose it is, DER.</summary>
    public ReadOnlyMemory<byte> Subject { get; }

    /// <summary>Who certifies, DER.</summary>
    public ReadOnlyMemory<byte> Issuer { get; }

    /// <summary>From when.</summary>
    public DateTimeOffset NotBefore { get; }

    /// <summary>Until when.</summary>
    public DateTimeOffset NotAfter { get; }

    /// <summary>Its number, hexadecimal digits.</summary>
    public string Serial { get; }

    /// <summary>Whether it may certify.</summary>
    public bool IsAuthority { get; }

    /// <summary>Whether its key may sign what is no certificate.</summary>
    public bool MaySign { get; }

    /// <summary>The SGX extension, DER.</summary>
    public Memory<byte>? Sgx { get; }

    /// <summary>Whether another certifies it.</summary>
    public bool IsSignedBy(ParsedCertificate other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Issuer.Span.SequenceEqual(other.Subject.Span) && Signatures.VerifyDer(other.Key.Span, _signed, _signature);
    }

    /// <summary>The certificates of a PEM text.</summary>
    /// <exception cref="AttestationException">One cannot be read.</exception>
    public static IReadOnlyList<ParsedCertificate> Chain(ReadOnlySpan<char> pem)
    {
        List<ParsedCertificate> chain = [];
        foreach (byte[] der in PemText.Certificates(pem))
        {
            chain.Add(Parse(der));
        }

        return chain;
    }

    /// <summary>Reads one.</summary>
    /// <exception cref="AttestationException">It is none with a key of P-256.</exception>
    public static ParsedCertificate Parse(byte[] der)
    {
        try
        {
            using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(der);
            using ECDsa? key = certificate.GetECDsaPublicKey();
            AsnReader parts = new AsnReader(der, AsnEncodingRules.DER).ReadSequence();
            byte[] signed = parts.ReadEncodedValue().ToArray();
            _ = parts.ReadEncodedValue();
            return key is { KeySize: 256 }
                ? new ParsedCertificate(der, certificate, signed, parts.ReadBitString(out _), Signatures.Coordinates(key))
                : throw new AttestationException("a certificate's key is not of P-256");
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException or ArgumentException)
        {
            throw new AttestationException("a certificate cannot be read", e);
        }
    }
}
