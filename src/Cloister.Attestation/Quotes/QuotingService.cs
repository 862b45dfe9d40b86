using Cloister.Architecture;
using Cloister.Attestation.Platforms;

namespace Cloister.Attestation.Quotes;

/// <summary>
/// Makes quotes of REPORTs, as the quoting enclave and the PCE do: version 3, ECDSA with P-256, certification data of type 5. DCAP,
/// quote/enclave/quoting_enclave_3.cpp. What it uses does not change but for the CPUSVN, which is set when the machine's changes.
/// </summary>
public sealed class QuotingService
{
    private readonly CertifiedPlatform _platform;
    private volatile QuotingEnclave _enclave;

    /// <summary>The service of a platform.</summary>
    public QuotingService(CertifiedPlatform platform)
    {
        ArgumentNullException.ThrowIfNull(platform);
        _platform = platform;
        _enclave = new QuotingEnclave(platform, platform.Platform.Settings.Version);
    }

    /// <summary>The quoting enclave as it is now: who answers a request takes it once.</summary>
    internal QuotingEnclave Enclave => _enclave;

    /// <summary>For whom REPORTs have to be made.</summary>
    public Targetinfo Targetinfo => _enclave.Targetinfo;

    /// <summary>SHA-256 of the attestation key and the authentication data.</summary>
    public byte[] KeyHash => _enclave.KeyHash;

    /// <summary>Bytes of a quote.</summary>
    public int QuoteLength => _enclave.QuoteLength;

    /// <summary>The machine's CPUSVN, which EUPDATESVN changes.</summary>
    public ReadOnlySpan<byte> Cpusvn
    {
        set
        {
            TcbVersion now = _enclave.Version with { Cpusvn = Convert.ToHexStringLower(value) };
            if (now != _enclave.Version)
            {
                _enclave = new QuotingEnclave(_platform, now);
            }
        }
    }

    /// <summary>A quote; null when the REPORT was not made on this machine for the quoting enclave.</summary>
    public byte[]? Quote(in Report report) => _enclave.Quote(report);

    /// <summary>The quoting enclave's REPORT for whoever asked: its REPORTDATA is SHA-256 of the nonce and the quote.</summary>
    public Report ReportOn(ReadOnlySpan<byte> quote, ReadOnlySpan<byte> nonce, in Targetinfo target) =>
        _enclave.ReportOn(quote, nonce, target);
}
