using Cloister.Attestation.Quotes;

namespace Cloister.Attestation.Collaterals;

/// <summary>A platform's collateral as it is published: whoever asks gets the same bytes, until the next is published.</summary>
/// <remarks>Intel's service signs TCB information, identities and lists when it publishes them and not when it is asked, and caches
/// keep them for days. Programs therefore compare what they got at one time and another (Open Enclave, tests/attestation_plugin).</remarks>
public sealed class CollateralPublication
{
    private static readonly TimeSpan s_stands = TimeSpan.FromDays(1);

    private readonly CertifiedPlatform _platform;
    private readonly Verdict _verdict;
    private readonly TimeProvider _time;
    private readonly Lock _publishing = new();
    private CollateralMaker? _maker;
    private DateTimeOffset _published;

    /// <summary>Of a platform, with a verdict.</summary>
    public CollateralPublication(CertifiedPlatform platform, Verdict verdict, TimeProvider? time = null) =>
        (_platform, _verdict, _time) = (platform, verdict, time ?? TimeProvider.System);

    /// <summary>What is published now.</summary>
    public CollateralMaker Current
    {
        get
        {
            lock (_publishing)
            {
                DateTimeOffset now = _time.GetUtcNow();
                if (_maker is null || now < _published || now - _published >= s_stands)
                {
                    _maker = new CollateralMaker(_platform, _verdict, now);
                    _published = now;
                }

                return _maker;
            }
        }
    }
}
