using System.Buffers.Binary;
using System.Text;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collaterals;
using Cloister.Attestation.Platforms;
using Cloister.Attestation.Quotes;

namespace Cloister.Attestation.Services;

/// <summary>
/// The provisioning certificate caching service, versions 3 and 4, of one platform and one verdict. DCAP, QuoteGeneration/pccs, routes and
/// controllers; what its client asks is in qcnl/certification_service.cpp.
/// </summary>
public sealed class PccsService
{
    private const string Root = "/sgx/certification/", Pem = "application/x-pem-file", Json = "application/json",
        Crl = "application/pkix-crl", Text = "text/plain";

    private readonly CertifiedPlatform _platform;
    private readonly CollateralPublication _published;

    /// <summary>Of a platform, with its collateral.</summary>
    public PccsService(CertifiedPlatform platform, CollateralPublication published) => (_platform, _published) = (platform, published);

    /// <summary>Answers GET.</summary>
    /// <param name="target">Path and query.</param>
    public HttpAnswer Get(string target)
    {
        ArgumentNullException.ThrowIfNull(target);
        string[] parts = target.Split('?', 2);
        Dictionary<string, string> query = Query(parts.Length > 1 ? parts[1] : "");
        (int version, string what) = parts[0].StartsWith(Root + "v3/", StringComparison.Ordinal) ? (3, parts[0][(Root.Length + 3)..])
            : parts[0].StartsWith(Root + "v4/", StringComparison.Ordinal) ? (4, parts[0][(Root.Length + 3)..]) : (0, "");
        CollateralMaker maker = _published.Current;
        return (version, what) switch
        {
            (0, _) => HttpAnswer.Error(404, "no such page: there is /sgx/certification/v3 and v4"),
            (_, "pckcert") => Certificate(query),
            (_, "pckcrl") => List(query, maker),
            (_, "tcb") => Tcb(query, maker, version == 3 ? "SGX-TCB-Info-Issuer-Chain" : "TCB-Info-Issuer-Chain"),
            (_, "qe/identity") => Identity("QE", maker),
            (_, "qve/identity") => Identity("QVE", maker),
            (_, "rootcacrl") => new HttpAnswer(200, Text, Encoding.ASCII.GetBytes(Convert.ToHexStringLower(maker.RootCrl()))),
            (_, "crl") => query.GetValueOrDefault("uri") == DevelopmentAuthority.RootCrlUri ? new HttpAnswer(200, Crl, maker.RootCrl())
                : HttpAnswer.Error(404, "no such list: uri names none of the development root"),
            _ => HttpAnswer.Error(404, $"{what}: no such page"),
        };
    }

    // For what platform and enclave is not looked at: there is one. encrypted_ppid is encrypted for Intel.
    private HttpAnswer Certificate(Dictionary<string, string> query)
    {
        string cpusvn = query.GetValueOrDefault("cpusvn", ""), pcesvn = query.GetValueOrDefault("pcesvn", "");
        if (!HexText.IsBytes(cpusvn, 16) || !HexText.IsBytes(pcesvn, 2) || query.GetValueOrDefault("pceid") is not { Length: 4 } pceid)
        {
            return HttpAnswer.Error(400, "cpusvn, pcesvn and pceid are needed: 32, 4 and 4 hexadecimal digits");
        }

        var asked = new TcbVersion(cpusvn.ToLowerInvariant(), BinaryPrimitives.ReadUInt16LittleEndian(Convert.FromHexString(pcesvn)));
        if (pceid != "0000" || _platform.CertifiedFor(asked) is not { } version)
        {
            return HttpAnswer.Error(462, "no certificate for such a version");
        }

        return new HttpAnswer(200, Pem, Encoding.ASCII.GetBytes(DevelopmentAuthority.Pem(_platform.Certificate(version))))
        {
            Headers =
            [
                ("SGX-TCBm", version.Tcbm),
                ("SGX-FMSPC", _platform.Platform.Settings.Fmspc),
                ("SGX-PCK-Certificate-CA-Type", PlatformText.Name(_platform.Platform.Settings.Authority)),
                ("SGX-PCK-Certificate-Issuer-Chain",
                    Uri.EscapeDataString(_platform.Authority.PckChain(_platform.Platform.Settings.Authority))),
            ],
        };
    }

    // Both authorities' lists are there: a verifier may ask for the other one's.
    private HttpAnswer List(Dictionary<string, string> query, CollateralMaker maker)
    {
        if (PlatformText.ParseAuthority(query.GetValueOrDefault("ca", "")) is not { } authority)
        {
            return HttpAnswer.Error(400, "ca is needed: platform or processor");
        }

        byte[] list = maker.PckCrl(authority);
        bool isDer = string.Equals(query.GetValueOrDefault("encoding"), "der", StringComparison.OrdinalIgnoreCase);
        return new HttpAnswer(200, Crl, isDer ? list : Encoding.ASCII.GetBytes(Convert.ToHexStringLower(list)))
        {
            Headers = [("SGX-PCK-CRL-Issuer-Chain", Uri.EscapeDataString(_platform.Authority.PckChain(authority)))],
        };
    }

    private HttpAnswer Tcb(Dictionary<string, string> query, CollateralMaker maker, string header)
    {
        string fmspc = query.GetValueOrDefault("fmspc", "");
        return !HexText.IsBytes(fmspc, 6) ? HttpAnswer.Error(400, "fmspc is needed: 12 hexadecimal digits")
            : !fmspc.Equals(_platform.Platform.Settings.Fmspc, StringComparison.OrdinalIgnoreCase)
            ? HttpAnswer.Error(404, "no TCB information for such a platform")
            : new HttpAnswer(200, Json, Encoding.UTF8.GetBytes(maker.TcbInfo().Under(TcbInfo.Member)))
            {
                Headers = [(header, Uri.EscapeDataString(_platform.Authority.TcbChain))],
            };
    }

    private HttpAnswer Identity(string id, CollateralMaker maker) =>
        new(200, Json, Encoding.UTF8.GetBytes(maker.Identity(id).Under(EnclaveIdentity.Member)))
        {
            Headers = [("SGX-Enclave-Identity-Issuer-Chain", Uri.EscapeDataString(_platform.Authority.TcbChain))],
        };

    private static Dictionary<string, string> Query(string text)
    {
        Dictionary<string, string> query = [];
        foreach (string part in text.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] pair = part.Split('=', 2);
            query[Uri.UnescapeDataString(pair[0])] = pair.Length > 1 ? Uri.UnescapeDataString(pair[1]) : "";
        }

        return query;
    }
}
