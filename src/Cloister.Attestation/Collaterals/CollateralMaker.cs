using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Platforms;
using Cloister.Attestation.Quotes;

namespace Cloister.Attestation.Collaterals;

/// <summary>Makes each part of a platform's collateral, as a verdict wants it: once, so that it stays the same.</summary>
public sealed class CollateralMaker
{
    private static readonly TimeSpan s_lasts = TimeSpan.FromDays(30), s_age = TimeSpan.FromDays(1), s_gone = TimeSpan.FromDays(60);

    private readonly DevelopmentAuthority _authority;
    private readonly PlatformSettings _settings;
    private readonly Func<IEnumerable<X509Certificate2>> _certificates;
    private readonly Verdict _verdict;
    private readonly DateTimeOffset _issued, _next;
    private readonly Lazy<SignedText> _tcbInfo;
    private readonly Lazy<byte[]> _rootCrl;
    private readonly ConcurrentDictionary<string, Lazy<SignedText>> _identities = [];
    private readonly ConcurrentDictionary<CertificateAuthority, Lazy<byte[]>> _pckCrls = [];

    /// <summary>For a platform, at a time.</summary>
    public CollateralMaker(CertifiedPlatform platform, Verdict verdict, DateTimeOffset now)
        : this((platform ?? throw new ArgumentNullException(nameof(platform))).Authority, platform.Platform.Settings,
            () => platform.Platform.Settings.AllVersions.Select(platform.Certificate), verdict, now)
    {
    }

    /// <summary>For a platform of which no more is known than its certificates, at a time.</summary>
    public CollateralMaker(DevelopmentAuthority authority, PlatformSettings settings, Func<IEnumerable<X509Certificate2>> certificates,
        Verdict verdict, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(verdict);
        (_authority, _settings, _certificates, _verdict) = (authority, settings, certificates, verdict);
        _issued = now - (verdict.IsExpired ? s_gone : s_age);
        _next = _issued + s_lasts;
        _tcbInfo = new(() => new TcbInfo
        {
            Issued = _issued,
            Next = _next,
            Fmspc = _settings.Fmspc,
            Pceid = "0000",
            Levels = TcbLevel.Of(_settings, _verdict.Tcb),
        }.Sign(_authority.TcbKey));
        _rootCrl = new(() => _authority.RootCrl(_issued, _next));
    }

    /// <summary>All of it.</summary>
    public Collateral All() =>
        new(_authority.PckChain(_settings.Authority), RootCrl(), PckCrl(_settings.Authority), _authority.TcbChain, TcbInfo(),
            _authority.TcbChain, Identity("QE"));

    /// <summary>TCB information.</summary>
    public SignedText TcbInfo() => _tcbInfo.Value;

    /// <summary>The identity of the quoting (QE) or verifying (QVE) enclave.</summary>
    public SignedText Identity(string id) => _identities.GetOrAdd(id, _ => new(() =>
        EnclaveIdentity.Of(id, id == "QE" ? _settings.QuotingEnclave : ArchitecturalEnclave.IntelQve, _verdict.QuotingEnclave
            ?? TcbStatus.UpToDate, _issued, _next).Sign(_authority.TcbKey))).Value;

    /// <summary>The root's list of revoked certificates, DER.</summary>
    public byte[] RootCrl() => _rootCrl.Value;

    /// <summary>An authority's list of revoked certificates, DER.</summary>
    public byte[] PckCrl(CertificateAuthority authority) => _pckCrls.GetOrAdd(authority, _ => new(() =>
        _authority.PckCrl(authority, _issued, _next, _verdict.IsRevoked && authority == _settings.Authority ? _certificates() : []))).Value;
}
