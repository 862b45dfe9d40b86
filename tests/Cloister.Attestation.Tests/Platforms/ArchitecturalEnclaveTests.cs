using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Cloister.Architecture;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collaterals;
using Cloister.Attestation.Platforms;
using Cloister.Attestation.Verification;
using Cloister.Images;

namespace Cloister.Attestation.Tests.Platforms;

/// <summary>A platform whose PCE and QE are somebody's own: keys, certificates, identities and quotes are theirs.</summary>
public class ArchitecturalEnclaveTests
{
    private static readonly ArchitecturalEnclave s_pce = new(new string('a', 64), 3, 7)
    {
        Attributes = AttributeFlags.Init | AttributeFlags.Mode64Bit | AttributeFlags.ProvisionKey | AttributeFlags.Kss,
        Miscselect = Miscselect.Exinfo,
    };
    private static readonly ArchitecturalEnclave s_qe = new(new string('b', 64), 9, 4)
    {
        Miscselect = Miscselect.Exinfo,
        Miscmask = Miscselect.Exinfo,
        AttributesMask = AttributeFlags.Init | AttributeFlags.Debug | AttributeFlags.ProvisionKey,
    };
    private static readonly Lazy<RSA> s_key = new(() => RSA.Create(Exponent3()));

    private static PlatformSettings Settings => new PlatformSettings().Certifying(s_pce) with { Qe = s_qe };

    // RSA of 3072 bits with the exponent 3, which .NET does not make: primes by .NET's own keys, of which one in nine or so fits.
    private static RSAParameters Exponent3()
    {
        for (; ; )
        {
            using var rsa = RSA.Create(3072);
            RSAParameters made = rsa.ExportParameters(true);
            BigInteger p = Number(made.P!), q = Number(made.Q!), phi = (p - 1) * (q - 1);
            if (phi % 3 == 0)
            {
                continue;
            }

            BigInteger d = phi % 3 == 1 ? ((2 * phi) + 1) / 3 : (phi + 1) / 3;
            return new RSAParameters
            {
                Modulus = made.Modulus,
                P = made.P,
                Q = made.Q,
                Exponent = [3],
                D = Bytes(d, 384),
                DP = Bytes(d % (p - 1), 192),
                DQ = Bytes(d % (q - 1), 192),
                InverseQ = made.InverseQ,
            };
        }
    }

    private static BigInteger Number(ReadOnlySpan<byte> bytes) => new(bytes, isUnsigned: true, isBigEndian: true);

    private static byte[] Bytes(BigInteger number, int length)
    {
        byte[] bytes = number.ToByteArray(isUnsigned: true, isBigEndian: true);
        return [.. new byte[length - bytes.Length], .. bytes];
    }

    private static Sigstruct Signed(SigningParameters parameters) =>
        SigstructSigner.Sign(SigstructSigner.Prepare(parameters, new byte[32], new DateOnly(2026, 1, 1)), s_key.Value);

    private static readonly SigningParameters s_parameters = new()
    {
        Isvprodid = 5,
        Isvsvn = 6,
        Attributes = new Attributes(AttributeFlags.Mode64Bit | AttributeFlags.ProvisionKey, 3),
    };

    // RFC 4493 for one whole block, by AES alone.
    private static byte[] Cmac(byte[] key, byte[] block)
    {
        using var aes = Aes.Create();
        aes.Key = key;
        byte[] subkey = aes.EncryptEcb(new byte[16], PaddingMode.None);
        BigInteger doubled = Number(subkey) << 1;
        doubled = doubled >> 128 == 1 ? (doubled ^ (BigInteger.One << 128)) ^ 0x87 : doubled;
        return aes.EncryptEcb([.. Bytes(doubled, 16).Zip(block, (a, b) => (byte)(a ^ b))], PaddingMode.None);
    }

    // What the machine gives an enclave that asks for it as linux-sgx, psw/ae/pce/pce_helper.cpp does:
    // all of the enclave's flags but MODE64BIT, no XFRM, all of MISCSELECT.
    private static byte[] ProvisioningKey(World world, ArchitecturalEnclave enclave, byte[] cpusvn, ushort isvsvn)
    {
        ReportBody body = new()
        {
            Attributes = new Attributes(enclave.Attributes, 0x2e7),
            Miscselect = enclave.Miscselect,
            Isvprodid = enclave.Isvprodid,
            Isvsvn = enclave.Isvsvn,
        };
        Convert.FromHexString(enclave.Mrsigner).CopyTo(body.Mrsigner);
        RandomNumberGenerator.Fill(body.Mrenclave);
        Keyrequest request = new()
        {
            Keyname = KeyName.Provision,
            Isvsvn = isvsvn,
            Attributemask = new Attributes((AttributeFlags)0xffff_ffff_ffff_fffb, 0),
            Miscmask = (Miscselect)0xffff_ffff,
        };
        cpusvn.CopyTo(request.Cpusvn);
        byte[] key = new byte[16];
        Assert.Equal(SgxError.Success, world.Software(body).Key(request, key));
        return key;
    }

    [Fact]
    public void The_certified_key_and_the_PPID_are_those_that_the_PCE_derives()
    {
        World world = new(Settings);
        byte[] cpusvn = Convert.FromHexString(Settings.Cpusvn), key = ProvisioningKey(world, s_pce, cpusvn, 7), hash = [];
        for (byte i = 1; i <= 3; i++)
        {
            hash = [.. hash, .. Cmac(key, [i, .. "PAK_KEY_DER"u8, 0, 0, 0x01, 0x40])];
        }

        BigInteger order = BigInteger.Parse("0ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
            System.Globalization.NumberStyles.HexNumber, null);
        using var expected = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            D = Bytes((Number(hash.AsSpan(0, 40)) % (order - 1)) + 1, 32),
        });
        X509Certificate2 certificate = world.Platform.Certificate(Settings.Version);
        Assert.Equal(expected.ExportSubjectPublicKeyInfo(), certificate.PublicKey.ExportSubjectPublicKeyInfo());

        var extension = SgxExtension.Read(certificate.Extensions.Single(one => one.Oid!.Value == SgxExtension.Oid).RawData);
        Assert.Equal(Convert.ToHexStringLower(Cmac(ProvisioningKey(world, s_pce, new byte[16], 0), new byte[16])), extension.Ppid);
        Assert.Equal(new TcbVersion(Settings.Cpusvn, 7), extension.Version);

        // The service gives the same, and Intel's PCE is another.
        string pem =
            System.Text.Encoding.ASCII.GetString(
                world.Pccs().Get(
                    $"/sgx/certification/v4/pckcert?qeid=0&encrypted_ppid=0&cpusvn={Settings.Cpusvn}&pcesvn=0700&pceid=0000").Body);
        Assert.Equal(certificate.RawData, X509Certificate2.CreateFromPem(pem).RawData);
        World intel = new();
        Assert.NotEqual(certificate.GetPublicKey(), intel.Platform.Certificate(intel.Platform.Platform.Settings.Version).GetPublicKey());
    }

    // DCAP, driver/win/PLE/whitelist.h: PCE and QE have signers of their own.
    [Fact]
    public void Intels_PCE_has_another_signer_than_its_QE()
    {
        Assert.StartsWith("c54a62f2", new PlatformSettings().CertificationEnclave.Mrsigner, StringComparison.Ordinal);
        Assert.StartsWith("8c4f5775", new PlatformSettings().QuotingEnclave.Mrsigner, StringComparison.Ordinal);
    }

    [Fact]
    public void The_identity_is_the_QEs_and_its_quotes_verify_with_it()
    {
        World world = new(Settings);
        using var identity = JsonDocument.Parse(world.Collateral().Identity.Body);
        string Text(string name) => identity.RootElement.GetProperty(name).ToString();
        Assert.Equal(("01000000", "01000000"), (Text("miscselect"), Text("miscselectMask")));
        Assert.Equal(("11000000000000000000000000000000", "13000000000000000000000000000000"),
            (Text("attributes"), Text("attributesMask")));
        Assert.Equal((new string('B', 64), "9", 4),
            (Text("mrsigner"), Text("isvprodid"), identity.RootElement.GetProperty("tcbLevels")[0].GetProperty("tcb")
                .GetProperty("isvsvn").GetInt32()));

        byte[] quote = world.Quote();
        Assert.Equal((4, 7), (quote[8], quote[10]));
        Assert.Equal(TcbStatus.UpToDate, world.Verify(quote).Status);
        Assert.Equal(TcbStatus.OutOfDate,
            world.Verify(quote, world.Collateral(new Verdict { QuotingEnclave = TcbStatus.OutOfDate })).Status);
        Assert.Null(world.Verify(quote, world.Collateral(new Verdict { QuotingEnclave = TcbStatus.NotSupported })).Status);
        World other = new(Settings with { Qe = s_qe with { Mrsigner = new string('c', 64) } });
        VerificationReport report = world.Verify(quote, other.Collateral());
        Assert.Equal(("QE MRSIGNER", false), (report.Checks[^1].Name, report.Checks[^1].Passed));
    }

    [Theory]
    [InlineData(11)]
    [InlineData(65535)]
    public void Intels_identity_is_as_Intel_has_it_and_the_last_version_has_one(int isvsvn)
    {
        PlatformSettings settings = isvsvn == 11 ? new PlatformSettings() : new PlatformSettings
        {
            Qe = ArchitecturalEnclave.IntelQe with { Isvsvn = (ushort)isvsvn },
        };
        World world = new(settings);
        var identity = EnclaveIdentity.Parse(world.Collateral(new Verdict { QuotingEnclave = TcbStatus.Revoked }).Identity.Body);
        Assert.Equal(("11000000000000000000000000000000", "FBFFFFFFFFFFFFFF0000000000000000"), identity.Attributes);
        Assert.Equal(("00000000", "FFFFFFFF"), identity.Miscselect);
        Assert.Equal((isvsvn, TcbStatus.Revoked), (identity.Levels[^1].Isvsvn, identity.Levels[^1].Status));
        Assert.Null(world.Verify(world.Quote(), world.Collateral(new Verdict { QuotingEnclave = TcbStatus.Revoked })).Status);
    }

    [Fact]
    public void A_SIGSTRUCT_says_who_it_is()
    {
        ArchitecturalEnclave made = ArchitecturalEnclave.Of(Signed(s_parameters));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData([.. s_key.Value.ExportParameters(false).Modulus!.Reverse()])), made.Mrsigner);
        Assert.Equal((5, 6), (made.Isvprodid, made.Isvsvn));
        Assert.Equal(AttributeFlags.Init | AttributeFlags.Mode64Bit | AttributeFlags.ProvisionKey, made.Attributes);
        Assert.Equal(~AttributeFlags.Mode64Bit, made.AttributesMask);
    }

    [Fact]
    public void What_can_be_none_is_one_error()
    {
        Assert.Contains("PROVISIONKEY",
            Assert.Throws<AttestationException>(
                () => ArchitecturalEnclave.Of(Signed(s_parameters with
                {
                    Attributes = new Attributes(AttributeFlags.Mode64Bit, 3),
                }))).Message, StringComparison.Ordinal);
        Assert.Contains("DEBUG",
            Assert.Throws<AttestationException>(
                () => ArchitecturalEnclave.Of(Signed(s_parameters with
                {
                    Attributes = new Attributes(s_parameters.Attributes.Flags | AttributeFlags.Debug, 3),
                }))).Message, StringComparison.Ordinal);
        Sigstruct changed = Signed(s_parameters);
        changed.Isvsvn++;
        Assert.Contains("EINIT refuses", Assert.Throws<AttestationException>(() => ArchitecturalEnclave.Of(changed)).Message,
            StringComparison.Ordinal);
        Assert.Contains("EINIT refuses", Assert.Throws<AttestationException>(() => ArchitecturalEnclave.Of(default)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Another_PCE_begins_anew_and_a_newer_one_of_the_same_is_a_further_version()
    {
        const string newer = "02020000000000000000000000000000";
        PlatformSettings settings = new PlatformSettings().At(newer, 16).Certifying(s_pce);
        Assert.Equal(["01010000000000000000000000000000/7", newer + "/7"],
            settings.AllVersions.Select(version => $"{version.Cpusvn}/{version.Pcesvn}"));
        settings = settings.Certifying(s_pce with { Isvsvn = 8 });
        Assert.Equal(["01010000000000000000000000000000/7", newer + "/7", newer + "/8"],
            settings.AllVersions.Select(version => $"{version.Cpusvn}/{version.Pcesvn}"));
        World older = new(settings.Certifying(s_pce));
        Assert.Equal(TcbStatus.OutOfDate, older.Verify(older.Quote()).Status);
        settings = settings.Certifying(null);
        Assert.Equal((16, null), (settings.Pcesvn, settings.Pce));
        Assert.All(settings.AllVersions, version => Assert.Equal(16, version.Pcesvn));
        Assert.True(s_pce.HasKeysOf(s_pce with
        {
            Isvsvn = 1,
            Attributes = s_pce.Attributes & ~AttributeFlags.Mode64Bit,
            AttributesMask = 0,
            Miscmask = 0,
        }));
        ArchitecturalEnclave[] others = [s_pce with { Mrsigner = new string('c', 64) }, s_pce with { Isvprodid = 4 },
            s_pce with { Miscselect = 0 }, s_pce with { Attributes = s_pce.Attributes & ~AttributeFlags.Kss }];
        Assert.All(others, other => Assert.False(s_pce.HasKeysOf(other)));
    }
}
