using System.Text;
using System.Text.Json;
using Cloister.Architecture;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collaterals;
using Cloister.Attestation.Platforms;
using Cloister.Attestation.Quotes;
using Cloister.Attestation.Verification;

namespace Cloister.Attestation.Tests.Verification;

/// <summary>Every verdict, and which step it is that fails.</summary>
public class QuoteVerifierTests
{
    private static readonly World s_world = new();
    private static readonly byte[] s_quote = s_world.Quote();

    private static void Fails(string step, VerificationReport report)
    {
        Assert.False(report.Holds);
        VerificationCheck last = report.Checks[^1];
        Assert.Equal((step, false), (last.Name, last.Passed));
        Assert.All(report.Checks.SkipLast(1), check => Assert.True(check.Passed));
        Assert.All(report.Checks, check => Assert.DoesNotContain("", new[] { check.Expected, check.Found, check.Meaning }));
    }

    [Theory]
    [InlineData(CertificateAuthority.Platform)]
    [InlineData(CertificateAuthority.Processor)]
    public void A_quote_of_a_platform_is_up_to_date(CertificateAuthority authority)
    {
        World world = new(new PlatformSettings { Authority = authority });
        VerificationReport report = world.Verify(world.Quote());
        Assert.All(report.Checks, check => Assert.True(check.Passed, check.ToString()));
        Assert.Equal(TcbStatus.UpToDate, report.Status);
        Assert.Empty(report.Advisories);
    }

    [Theory]
    [InlineData(TcbStatus.UpToDate)]
    [InlineData(TcbStatus.OutOfDate)]
    [InlineData(TcbStatus.SWHardeningNeeded)]
    [InlineData(TcbStatus.ConfigurationNeeded)]
    [InlineData(TcbStatus.ConfigurationAndSWHardeningNeeded)]
    [InlineData(TcbStatus.OutOfDateConfigurationNeeded)]
    public void A_status_that_was_asked_for_is_found(TcbStatus status)
    {
        VerificationReport report = s_world.Verify(s_quote, s_world.Collateral(new Verdict { Tcb = status }));
        Assert.Equal(status, report.Status);
        Assert.Equal(status == TcbStatus.UpToDate, report.Advisories.Count == 0);
    }

    [Theory]
    [InlineData(TcbStatus.Revoked)]
    [InlineData(TcbStatus.NotSupported)]
    public void A_level_that_is_revoked_or_not_there_fails(TcbStatus status) =>
        Fails("TCB level", s_world.Verify(s_quote, s_world.Collateral(new Verdict { Tcb = status })));

    [Theory]
    [InlineData(TcbStatus.UpToDate, TcbStatus.OutOfDate)]
    [InlineData(TcbStatus.ConfigurationNeeded, TcbStatus.OutOfDateConfigurationNeeded)]
    public void An_old_quoting_enclave_makes_the_whole_old(TcbStatus platform, TcbStatus expected) =>
        Assert.Equal(expected,
            s_world.Verify(s_quote, s_world.Collateral(new Verdict { Tcb = platform, QuotingEnclave = TcbStatus.OutOfDate })).Status);

    [Fact]
    public void Verdicts_of_other_kinds_fail_at_their_step()
    {
        Fails("QE ISVSVN", s_world.Verify(s_quote, s_world.Collateral(new Verdict { QuotingEnclave = TcbStatus.Revoked })));
        Fails("validity of the root's revocation list", s_world.Verify(s_quote, s_world.Collateral(new Verdict { IsExpired = true })));
        Fails("PCK certificate is not revoked", s_world.Verify(s_quote, s_world.Collateral(new Verdict { IsRevoked = true })));
        Fails("enclave may not be debugged", s_world.Verify(s_world.Quote(AttributeFlags.Debug)));
        Fails("validity of Intel SGX PCK Certificate",
            s_world.Verify(s_quote, null, new DateTimeOffset(2019, 1, 1, 0, 0, 0, TimeSpan.Zero)));
        Fails("validity of the root's revocation list", s_world.Verify(s_quote, null, World.Now.AddDays(60)));
        Fails("FMSPC", s_world.Verify(s_quote, new World(new PlatformSettings { Fmspc = "00906ED50000" }).Collateral()));
        Fails("root is trusted",
            QuoteVerifier.Verify(Quote.Parse(s_quote), s_world.Collateral(), new TrustedRoots([], [TrustedRoots.Intel]), World.Now));
    }

    [Theory]
    [InlineData(48, "signature of the quote")]
    [InlineData(440, "signature of the quote")]
    [InlineData(500, "attestation key")]
    [InlineData(600, "REPORT of the quoting enclave")]
    [InlineData(950, "REPORT of the quoting enclave")]
    [InlineData(1020, "attestation key")]
    public void One_bit_of_the_quote_is_found(int at, string step)
    {
        byte[] changed = [.. s_quote];
        changed[at] ^= 1;
        Fails(step, s_world.Verify(changed));
    }

    [Fact]
    public void Collateral_that_was_changed_is_found()
    {
        Collateral whole = s_world.Collateral();
        Fails("signature of TCB information",
            s_world.Verify(s_quote, whole with
            {
                TcbInfo = whole.TcbInfo with
                {
                    Body = whole.TcbInfo.Body.Replace("\"pcesvn\":16", "\"pcesvn\":15", StringComparison.Ordinal),
                },
            }));
        Fails("signature of QE identity",
            s_world.Verify(s_quote, whole with { Identity = whole.Identity with { Signature = new string('0', 128) } }));
        Fails("chain of TCB information", s_world.Verify(s_quote, whole with { TcbInfoChain = whole.PckCrlChain }));
        Fails("chain of the PCK revocation list",
            s_world.Verify(s_quote, whole with { PckCrlChain = World.Authority.PckChain(CertificateAuthority.Processor) }));
        Fails("PCK revocation list", s_world.Verify(s_quote, whole with { PckCrl = whole.RootCrl }));
        Fails("form", s_world.Verify(s_quote, whole with { RootCrl = [1, 2, 3] }));
        Fails("QE identity",
            s_world.Verify(s_quote, whole with
            {
                Identity = new CollateralMaker(s_world.Platform, new Verdict(), World.Now).Identity("QVE"),
            }));
    }

    [Fact]
    public void Another_authority_s_quote_is_of_another_world()
    {
        var other = DevelopmentAuthority.Create();
        byte[] quote = new QuotingService(new CertifiedPlatform(s_world.Platform.Platform, other)).Quote(s_world.Report())!;
        Fails("root is trusted", s_world.Verify(quote));
    }

    [Fact]
    public void A_platform_recovers()
    {
        const string older = "01010000000000000000000000000000", newer = "02020000000000000000000000000000";
        World world = new(new PlatformSettings { PendingCpusvn = newer });
        Assert.Equal(TcbStatus.OutOfDate, world.Verify(world.Quote()).Status);
        world = new World(world.Platform.Platform.Settings.At(newer, 16));
        Assert.Equal(TcbStatus.UpToDate, world.Verify(world.Quote()).Status);
        world = new World(world.Platform.Platform.Settings.At(older, 16));
        Assert.Equal(TcbStatus.OutOfDate, world.Verify(world.Quote()).Status);
    }

    [Fact]
    public void Collateral_is_read_as_it_was_written()
    {
        Collateral whole = s_world.Collateral();
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            whole.Write(writer);
            writer.WriteEndObject();
        }

        Assert.Equal(TcbStatus.UpToDate, s_world.Verify(s_quote, Collateral.Parse(bytes.ToArray())).Status);
        Assert.All(Enumerable.Range(0, 100),
            i => Assert.Throws<AttestationException>(() => Collateral.Parse(bytes.ToArray().AsMemory(0, (int)bytes.Length * i / 100))));
        Assert.Equal(whole.TcbInfo, SignedText.Parse(whole.TcbInfo.Under(TcbInfo.Member), TcbInfo.Member));
        Assert.Throws<AttestationException>(() => SignedText.Parse(Encoding.UTF8.GetString(bytes.ToArray()), TcbInfo.Member));
    }
}
