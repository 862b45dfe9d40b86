using System.Security.Cryptography;
using Cloister.Architecture;

namespace Cloister.Attestation.Quotes;

/// <summary>Who Cloister's stand-ins for Intel's enclaves are: names that clients and verifiers compare are Intel's, measurements are our own.</summary>
public static class EnclaveIdentities
{
    /// <summary>MRSIGNER of Intel's attestation enclaves. DCAP, sgx_ql_core_wrapper.cpp.</summary>
    public const string Mrsigner = "8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff";

    /// <summary>ISVSVN of the quoting enclave. DCAP, quote/enclave/linux/config.xml.</summary>
    public const ushort QuotingIsvsvn = 11;

    /// <summary>The quoting enclave.</summary>
    public static ReportBody Quoting { get; } = Of("Cloister quoting enclave"u8, QuotingIsvsvn);

    /// <summary>The enclave whose seal key is the quoting enclave's identifier.</summary>
    public static ReportBody Identity { get; } = Of("Cloister identity enclave"u8, 1);

    /// <summary>The provisioning certification enclave of every version: its key of one is asked for by number.</summary>
    public static ReportBody Certification { get; } = Of("Cloister provisioning certification enclave"u8, ushort.MaxValue);

    private static ReportBody Of(ReadOnlySpan<byte> name, ushort isvsvn)
    {
        ReportBody body = new()
        {
            Attributes = new Attributes(AttributeFlags.Init | AttributeFlags.Mode64Bit | AttributeFlags.ProvisionKey, 0xe7),
            Isvprodid = 1,
            Isvsvn = isvsvn,
        };
        SHA256.HashData(name, body.Mrenclave);
        Convert.FromHexString(Mrsigner).CopyTo(body.Mrsigner);
        return body;
    }
}
