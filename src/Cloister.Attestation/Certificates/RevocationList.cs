using System.Formats.Asn1;

namespace Cloister.Attestation.Certificates;

/// <summary>A list of revoked certificates. RFC 5280, 5.1.</summary>
public sealed class RevocationList
{
    private readonly byte[] _signed, _signature;

    private RevocationList(byte[] signed, byte[] signature, byte[] issuer, DateTimeOffset issued, DateTimeOffset next,
        HashSet<string> revoked) =>
        (_signed, _signature, Issuer, Issued, Next, Revoked) = (signed, signature, issuer, issued, next, revoked);

    /// <summary>Who issues it, DER.</summary>
    public ReadOnlyMemory<byte> Issuer { get; }

    /// <summary>When it was issued.</summary>
    public DateTimeOffset Issued { get; }

    /// <summary>When there will be another.</summary>
    public DateTimeOffset Next { get; }

    /// <summary>The numbers of what is revoked, hexadecimal digits.</summary>
    public IReadOnlySet<string> Revoked { get; }

    /// <summary>Whether it is an authority's.</summary>
    public bool IsSignedBy(ParsedCertificate authority)
    {
        ArgumentNullException.ThrowIfNull(authority);
        return Issuer.Span.SequenceEqual(authority.Subject.Span) && Signatures.VerifyDer(authority.Key.Span, _signed, _signature);
    }

    /// <summary>Reads one.</summary>
    /// <exception cref="AttestationException">It is none.</exception>
    public static RevocationList Parse(ReadOnlyMemory<byte> der)
    {
        try
        {
            AsnReader parts = new AsnReader(der, AsnEncodingRules.DER).ReadSequence();
            byte[] signed = parts.PeekEncodedValue().ToArray();
            AsnReader list = parts.ReadSequence();
            _ = parts.ReadEncodedValue();
            byte[] signature = parts.ReadBitString(out _);
            if (list.PeekTag().HasSameClassAndValue(Asn1Tag.Integer))
            {
                _ = list.ReadEncodedValue();
            }

            _ = list.ReadEncodedValue();
            byte[] issuer = list.ReadEncodedValue().ToArray();
            DateTimeOffset issued = Time(list), next = Time(list);
            HashSet<string> revoked = [];
            if (list.HasData && list.PeekTag().HasSameClassAndValue(Asn1Tag.Sequence))
            {
                AsnReader entries = list.ReadSequence();
                while (entries.HasData)
                {
                    revoked.Add(Convert.ToHexStringLower(entries.ReadSequence().ReadIntegerBytes().Span));
                }
            }

            return new RevocationList(signed, signature, issuer, issued, next, revoked);
        }
        catch (Exception e) when (e is AsnContentException or ArgumentException)
        {
            throw new AttestationException("a list of revoked certificates cannot be read", e);
        }
    }

    private static DateTimeOffset Time(AsnReader reader) => reader.PeekTag().HasSameClassAndValue(Asn1Tag.UtcTime) ? reader.ReadUtcTime()
        : reader.ReadGeneralizedTime();
}
