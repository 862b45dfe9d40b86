using System.Security.Cryptography.X509Certificates;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Platforms;
using FsCheck;
using FsCheck.Fluent;

namespace Cloister.Attestation.Tests.Certificates;

/// <summary>Certificates as Intel's profile has them, that say whose they are.</summary>
public class DevelopmentAuthorityTests
{
    private static readonly string[] s_extensions = ["2.5.29.35", "2.5.29.31", "2.5.29.14", "2.5.29.15", "2.5.29.19"];

    [Theory]
    [InlineData(CertificateAuthority.Platform, 7)]
    [InlineData(CertificateAuthority.Processor, 5)]
    public void A_chain_has_the_names_and_extensions_that_verifiers_want(CertificateAuthority authority, int members)
    {
        var settings = new PlatformSettings { Authority = authority, Pcesvn = 300, Cpusvn = "0102030405060708090a0b0c0d0e0fff" };
        string chain = new World(settings).Platform.Chain(settings.Version);
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPem(chain);
        Assert.Equal(["Intel SGX PCK Certificate", $"Intel SGX PCK {authority} CA", "Intel SGX Root CA"],
            certificates.Select(one => one.GetNameInfo(X509NameType.SimpleName, false)));
        Assert.All(certificates, one => Assert.Contains("O=\"Cloister development, not Intel\"", one.Subject, StringComparison.Ordinal));
        Assert.All(certificates,
            one => Assert.Equal(s_extensions.Order(), one.Extensions.Select(extension => extension.Oid!.Value!)
                .Where(oid => oid != SgxExtension.Oid).Order()));
        Assert.All(certificates, one => Assert.InRange(one.SerialNumberBytes.Length, 1, 20));
        byte[] der = certificates[0].Extensions.Single(extension => extension.Oid!.Value == SgxExtension.Oid).RawData;
        SgxExtension extension = SgxExtension.Read(der);
        Assert.Equal(settings.Version, extension.Version);
        Assert.Equal((settings.Fmspc, members == 7), (extension.Fmspc, extension.InstanceId.Length > 0));
        var reader = new System.Formats.Asn1.AsnReader(der, System.Formats.Asn1.AsnEncodingRules.DER).ReadSequence();
        int count = 0;
        for (; reader.HasData; count++)
        {
            _ = reader.ReadEncodedValue();
        }

        Assert.Equal(members, count);
    }

    [Fact]
    public void It_is_read_as_it_was_written()
    {
        string text = World.Authority.Write();
        DevelopmentAuthority read = DevelopmentAuthority.Read(text);
        Assert.Equal(World.Authority.Root.RawData, read.Root.RawData);
        Assert.Equal(text, read.Write());
    }

    [Fact]
    public void What_is_cut_or_mixed_is_one_error()
    {
        string text = World.Authority.Write();
        Assert.All(Enumerable.Range(0, text.Length / 40),
            part => Assert.Throws<AttestationException>(() => DevelopmentAuthority.Read(text[..(part * 40)])));
        string other = DevelopmentAuthority.Create().Write();
        int second = text.IndexOf("-----BEGIN CERTIFICATE-----", 10, StringComparison.Ordinal),
            theirs = other.IndexOf("-----BEGIN PRIVATE KEY-----", StringComparison.Ordinal);
        Assert.Throws<AttestationException>(
            () => DevelopmentAuthority.Read(text[..text.IndexOf("-----BEGIN PRIVATE KEY-----", StringComparison.Ordinal)]
                + other[theirs..other.IndexOf("-----BEGIN CERTIFICATE-----", 10, StringComparison.Ordinal)] + text[second..]));
    }

    [Fact]
    public void A_list_names_what_is_revoked()
    {
        var settings = new PlatformSettings();
        X509Certificate2 pck = new World(settings).Platform.Certificate(settings.Version);
        var list = RevocationList.Parse(World.Authority.PckCrl(CertificateAuthority.Platform, World.Now, World.Now.AddDays(30), [pck]));
        Assert.Equal([Convert.ToHexStringLower(pck.SerialNumberBytes.Span)], list.Revoked);
        Assert.Equal((World.Now, World.Now.AddDays(30)), (list.Issued, list.Next));
        Assert.Empty(RevocationList.Parse(World.Authority.RootCrl(World.Now, World.Now.AddDays(30))).Revoked);
    }

    [Fact]
    public void Damaged_certificates_and_lists_are_an_error_or_not_signed()
    {
        byte[] certificate = World.Authority.Root.RawData, list = World.Authority.RootCrl(World.Now, World.Now.AddDays(30));
        ParsedCertificate root = ParsedCertificate.Parse(certificate);
        Prop.ForAll<NonNegativeInt, byte>((at, value) =>
        {
            byte[] one = [.. certificate], other = [.. list];
            bool same = one[at.Get % one.Length] == value, sameList = other[at.Get % other.Length] == value;
            one[at.Get % one.Length] = value;
            other[at.Get % other.Length] = value;
            Assert.True(same || !Signed(() => ParsedCertificate.Parse(one).IsSignedBy(root)));
            Assert.True(sameList || !Signed(() => RevocationList.Parse(other).IsSignedBy(root)));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));

        static bool Signed(Func<bool> check)
        {
            try
            {
                return check();
            }
            catch (AttestationException)
            {
                return false;
            }
        }
    }

    [Fact]
    public void A_key_of_a_curve_that_nobody_knows_is_told()
    {
        // 1.2.840.10045.3.1.7, and the same with another last number, in the first key.
        string text = World.Authority.Write();
        int from = text.IndexOf("-----BEGIN PRIVATE KEY-----", StringComparison.Ordinal),
            to = text.IndexOf("-----END PRIVATE KEY-----", StringComparison.Ordinal);
        byte[] key = Convert.FromBase64String(text[(from + 27)..to]), curve = [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
        key[key.AsSpan().IndexOf(curve) + 7] = 0x6f;
        string damaged =
            $"{text[..from]}-----BEGIN PRIVATE KEY-----\n{Convert.ToBase64String(key, Base64FormattingOptions.InsertLineBreaks)}\n{text[to..]}";
        Assert.Throws<AttestationException>(() => DevelopmentAuthority.Read(damaged));
    }
}
