using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Cloister.Attestation.Platforms;

namespace Cloister.Attestation.Certificates;

/// <summary>
/// A root and what it certifies, for development: common names as Intel's, for verifiers compare them; the organization says whose it is.
/// No root ships: each user's is made of random numbers.
/// </summary>
public sealed class DevelopmentAuthority
{
    /// <summary>The organization of every certificate.</summary>
    public const string Organization = "Cloister development, not Intel";

    /// <summary>
    /// Where certificates say that the root's list of revoked certificates is. The name does not exist (RFC 2606); Cloister's own service
    /// serves it.
    /// </summary>
    public const string RootCrlUri = "https://certificates.cloister.invalid/IntelSGXRootCA.der";

    private const string RootName = "Intel SGX Root CA", PlatformName = "Intel SGX PCK Platform CA",
        ProcessorName = "Intel SGX PCK Processor CA", TcbName = "Intel SGX TCB Signing", PckName = "Intel SGX PCK Certificate";
    private static readonly DateTimeOffset s_from = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero),
        s_until = new(2049, 12, 31, 23, 59, 59, TimeSpan.Zero);

    private readonly Signer _root, _platform, _processor, _tcb;

    private DevelopmentAuthority(Signer root, Signer platform, Signer processor, Signer tcb) =>
        (_root, _platform, _processor, _tcb) = (root, platform, processor, tcb);

    /// <summary>The root.</summary>
    public X509Certificate2 Root => _root.Certificate;

    /// <summary>X and Y of its key, big endian.</summary>
    public byte[] RootKey => Signatures.Coordinates(_root.Key);

    internal ECDsa TcbKey => _tcb.Key;

    /// <summary>The chain of TCB information and identities, PEM: signing certificate and root.</summary>
    public string TcbChain => Pem(_tcb.Certificate) + Pem(_root.Certificate);

    /// <summary>The chain above PCK certificates, PEM: the authority and the root.</summary>
    public string PckChain(CertificateAuthority authority) => Pem(Of(authority).Certificate) + Pem(_root.Certificate);

    /// <summary>A new one.</summary>
    public static DevelopmentAuthority Create()
    {
        var root = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var self = new Signer(Issue(RootName, root, null, root, 1, RootCrlUri), root);
        return new DevelopmentAuthority(self, Below(PlatformName, 0), Below(ProcessorName, 0), Below(TcbName, null));

        Signer Below(string name, int? pathLength)
        {
            var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            return new Signer(Issue(name, key, self.Certificate, root, pathLength, RootCrlUri), key);
        }
    }

    /// <summary>Certificates and keys, PEM, to be kept.</summary>
    public string Write()
    {
        var text = new StringBuilder();
        foreach (Signer signer in new[] { _root, _platform, _processor, _tcb })
        {
            text.Append(Pem(signer.Certificate)).Append(signer.Key.ExportPkcs8PrivateKeyPem()).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="AttestationException">It is no such text.</exception>
    public static DevelopmentAuthority Read(string pem)
    {
        List<Signer> signers = [];
        try
        {
            List<string> blocks = PemText.Blocks(pem);
            for (int i = 0; i + 1 < blocks.Count; i += 2)
            {
                var key = ECDsa.Create();
                key.ImportFromPem(blocks[i + 1]);
                var certificate = X509Certificate2.CreateFromPem(blocks[i]);
                signers.Add(new Signer(certificate, key));
            }
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or NotSupportedException)
        {
            throw new AttestationException("it has a certificate or a key that cannot be read", e);
        }

        string[] names = [RootName, PlatformName, ProcessorName, TcbName];
        bool whole = signers.Count == names.Length && signers.Zip(names)
            .All(pair => pair.First.Certificate.GetNameInfo(X509NameType.SimpleName, false) == pair.Second && pair.First.Fits);
        return whole ? new DevelopmentAuthority(signers[0], signers[1], signers[2], signers[3])
            : throw new AttestationException("it is not the four certificates of a development root, each with its key");
    }

    /// <summary>A PCK certificate.</summary>
    /// <param name="authority">Who certifies.</param>
    /// <param name="key">Whose public half is certified.</param>
    /// <param name="extension">What of.</param>
    public X509Certificate2 IssuePck(CertificateAuthority authority, ECDsa key, SgxExtension extension)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(extension);
        Signer by = Of(authority);
        string crl = $"https://api.cloister.invalid/sgx/certification/v4/pckcrl?ca={PlatformText.Name(authority)}&encoding=der";
        return Issue(PckName, key, by.Certificate, by.Key, null, crl, extension.Encode());
    }

    /// <summary>The root's list of revoked certificates, DER.</summary>
    public byte[] RootCrl(DateTimeOffset issued, DateTimeOffset next) => Crl(_root, issued, next, []);

    /// <summary>An authority's list of revoked certificates, DER.</summary>
    public byte[] PckCrl(CertificateAuthority authority, DateTimeOffset issued, DateTimeOffset next, IEnumerable<X509Certificate2> revoked)
    {
        ArgumentNullException.ThrowIfNull(revoked);
        return Crl(Of(authority), issued, next, revoked);
    }

    /// <summary>A certificate in PEM, with its final line feed.</summary>
    public static string Pem(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return certificate.ExportCertificatePem() + "\n";
    }

    private Signer Of(CertificateAuthority authority) => authority == CertificateAuthority.Processor ? _processor : _platform;

    private static byte[] Crl(Signer by, DateTimeOffset issued, DateTimeOffset next, IEnumerable<X509Certificate2> revoked)
    {
        var list = new CertificateRevocationListBuilder();
        foreach (X509Certificate2 certificate in revoked)
        {
            list.AddEntry(certificate, issued);
        }

        lock (by.Key)
        {
            return list.Build(by.Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(by.Key), issued.ToUnixTimeSeconds(), next,
                HashAlgorithmName.SHA256,
                X509AuthorityKeyIdentifierExtension.CreateFromCertificate(by.Certificate, true, false), issued);
        }
    }

    // QVL refuses a certificate without each of these five extensions (AttestationParsers, X509Constants.h).
    private static X509Certificate2 Issue(string name, ECDsa key, X509Certificate2? issuer, ECDsa issuerKey, int? pathLength, string crl,
        byte[]? extension = null)
    {
        var request = new CertificateRequest(Named(name), key, HashAlgorithmName.SHA256);
        var identifier = new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false);
        request.CertificateExtensions.Add(issuer is null ? X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(identifier)
            : X509AuthorityKeyIdentifierExtension.CreateFromCertificate(issuer, true, false));
        request.CertificateExtensions.Add(CertificateRevocationListBuilder.BuildCrlDistributionPointExtension([crl]));
        request.CertificateExtensions.Add(identifier);
        request.CertificateExtensions.Add(new X509KeyUsageExtension(pathLength is null ? X509KeyUsageFlags.DigitalSignature
            | X509KeyUsageFlags.NonRepudiation : X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(
            new X509BasicConstraintsExtension(pathLength is not null, pathLength is not null, pathLength ?? 0, critical: true));
        if (extension is not null)
        {
            request.CertificateExtensions.Add(new X509Extension(SgxExtension.Oid, extension, critical: false));
        }

        // The same certificate has the same number: 20 bytes, positive, of what is certified.
        byte[] serial = SHA256.HashData([.. key.ExportSubjectPublicKeyInfo(), .. extension ?? []])[..20];
        serial[0] = (byte)((serial[0] & 0x7f) | 0x40);
        lock (issuerKey)
        {
            return request.Create(issuer?.SubjectName ?? request.SubjectName, X509SignatureGenerator.CreateForECDsa(issuerKey), s_from,
                s_until, serial);
        }
    }

    private static X500DistinguishedName Named(string name)
    {
        var builder = new X500DistinguishedNameBuilder();
        builder.AddCountryOrRegion("US");
        builder.AddStateOrProvinceName("CA");
        builder.AddLocalityName("Nowhere");
        builder.AddOrganizationName(Organization);
        builder.AddCommonName(name);
        return builder.Build();
    }

    private sealed record Signer(X509Certificate2 Certificate, ECDsa Key)
    {
        public bool Fits => Certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(Key.ExportSubjectPublicKeyInfo());
    }
}
