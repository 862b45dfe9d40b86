using Cloister.Architecture;
using Cloister.Attestation.Platforms;

namespace Cloister.Attestation.Quotes;

/// <summary>
/// Who Cloister's stand-ins for a platform's enclaves are: what clients and verifiers compare is that of the enclaves which the platform
/// certifies, measurements are our own.
/// </summary>
internal static class EnclaveIdentities
{
    /// <summary>The quoting enclave.</summary>
    public static ReportBody Quoting(PlatformSettings settings) => settings.QuotingEnclave.StandIn("Cloister quoting enclave"u8);

    /// <summary>The enclave whose seal key is the quoting enclave's identifier.</summary>
    public static ReportBody Identity { get; } = new ArchitecturalEnclave(ArchitecturalEnclave.IntelMrsigner, 1,
        1).StandIn("Cloister identity enclave"u8);

    /// <summary>The provisioning certification enclave of every version: its key of one is asked for by number.</summary>
    public static ReportBody Certification(PlatformSettings settings) =>
        (settings.CertificationEnclave with { Isvsvn = ushort.MaxValue }).StandIn("Cloister provisioning certification enclave"u8);
}
