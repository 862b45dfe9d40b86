using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Platforms;
using Cloister.Processor.Enclu;

namespace Cloister.Attestation.Quotes;

/// <summary>
/// A platform with the certificates of its keys, one for each version. It does not change, and may be used from any thread.
/// </summary>
public sealed class CertifiedPlatform
{
    private readonly ConcurrentDictionary<TcbVersion, Lazy<Certified>> _certified = new();
    private readonly SoftwareEnclave _pce;

    /// <summary>A platform under an authority.</summary>
    public CertifiedPlatform(Platform platform, DevelopmentAuthority authority)
    {
        ArgumentNullException.ThrowIfNull(platform);
        (Platform, Authority) = (platform, authority);

        _pce = Pce(platform);
    }

    /// <summary>The platform.</summary>
    public Platform Platform { get; }

    /// <summary>Who certifies.</summary>
    public DevelopmentAuthority Authority { get; }

    /// <summary>The key that signs the quoting enclave's REPORT, at a version.</summary>
    internal ECDsa Key(TcbVersion version) => Of(version).Key;

    /// <summary>Its certificate.</summary>
    public X509Certificate2 Certificate(TcbVersion version) => Of(version).Certificate;

    /// <summary>The certificate and those above it, PEM.</summary>
    public string Chain(TcbVersion version) => DevelopmentAuthority.Pem(Certificate(version))
        + Authority.PckChain(Platform.Settings.Authority);

    /// <summary>The newest version that is certified and not above one; null when there is none.</summary>
    internal TcbVersion? CertifiedFor(TcbVersion version) => Platform.Settings.AllVersions.Where(version.Covers)
        .Select(one => (TcbVersion?)one).LastOrDefault();

    /// <summary>PPID of a platform, hexadecimal digits.</summary>
    public static string PpidOf(Platform platform)
    {
        ArgumentNullException.ThrowIfNull(platform);
        return Convert.ToHexStringLower(PckKey.Ppid(Pce(platform)));
    }

    // Keys of each version there is are asked for, and of none that this machine would be too old for.
    private static SoftwareEnclave Pce(Platform platform) =>
        new(platform.Machine with
        {
            Cpusvn = Enumerable.Repeat(byte.MaxValue, 16).ToArray(),
        }, EnclaveIdentities.Certification(platform.Settings));

    private Certified Of(TcbVersion version) => _certified.GetOrAdd(version, one => new Lazy<Certified>(() => Certify(one))).Value;

    private Certified Certify(TcbVersion version)
    {
        PlatformSettings settings = Platform.Settings;
        ECDsa key = PckKey.Derive(_pce, version.Components, version.Pcesvn);
        bool isPlatform = settings.Authority == CertificateAuthority.Platform;
        var extension = new SgxExtension
        {
            Ppid = Convert.ToHexStringLower(PckKey.Ppid(_pce)),
            Version = version,
            Fmspc = settings.Fmspc,
            SgxType = isPlatform ? 1 : 0,
            InstanceId = isPlatform ? Convert.ToHexStringLower(Platform.InstanceId) : "",
            Flags = (settings.DynamicPlatform, settings.CachedKeys, settings.Smt),
        };
        return new Certified(key, Authority.IssuePck(settings.Authority, key, extension));
    }

    private sealed record Certified(ECDsa Key, X509Certificate2 Certificate);
}
