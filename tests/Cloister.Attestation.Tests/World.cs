using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collaterals;
using Cloister.Attestation.Platforms;
using Cloister.Attestation.Quotes;
using Cloister.Attestation.Services;
using Cloister.Attestation.Verification;
using Cloister.Processor.Enclu;

namespace Cloister.Attestation.Tests;

/// <summary>A platform under an authority, and an enclave on it that wants a quote.</summary>
internal sealed class World
{
    /// <summary>One for tests that change nothing of it: keys take their time.</summary>
    public static DevelopmentAuthority Authority { get; } = DevelopmentAuthority.Create();

    public World(PlatformSettings? settings = null)
    {
        Platform = new CertifiedPlatform(
            new Platform(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray(), settings ?? new PlatformSettings()), Authority);
        Service = new QuotingService(Platform);
    }

    public CertifiedPlatform Platform { get; }

    public QuotingService Service { get; }

    public static DateTimeOffset Now { get; } = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);

    public static TrustedRoots Roots => new([Authority.Root.RawData], []);

    /// <summary>A REPORT of an enclave for the quoting enclave.</summary>
    public Report Report(AttributeFlags more = AttributeFlags.None)
    {
        ReportBody identity = new()
        {
            Attributes = new Attributes(AttributeFlags.Init | AttributeFlags.Mode64Bit | more, 3),
            Isvprodid = 7,
            Isvsvn = 3,
        };
        identity.Mrenclave[0] = 0xee;
        return Software(identity).Report(Service.Targetinfo, [1, 2, 3]);
    }

    public SoftwareEnclave Software(ReportBody identity) => new(Platform.Platform.Machine, identity);

    public byte[] Quote(AttributeFlags more = AttributeFlags.None) =>
        Service.Quote(Report(more)) ?? throw new InvalidOperationException("refused");

    public Collateral Collateral(Verdict? verdict = null, DateTimeOffset? now = null) =>
        new CollateralMaker(Platform, verdict ?? new Verdict(), now ?? Now).All();

    public PccsService Pccs(Verdict? verdict = null) => new(Platform, new CollateralPublication(Platform, verdict ?? new Verdict()));

    public VerificationReport Verify(byte[] quote, Collateral? collateral = null, DateTimeOffset? at = null) =>
        QuoteVerifier.Verify(Cloister.Attestation.Quotes.Quote.Parse(quote), collateral ?? Collateral(), Roots, at ?? Now);

    public static byte[] Bytes<T>(in T value)
        where T : struct => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();
}
