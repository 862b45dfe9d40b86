using Cloister.Attestation.Collaterals;

namespace Cloister.Attestation.Verification;

/// <summary>What a verification came to.</summary>
/// <param name="Checks">The steps, in their order; what stands on one that failed is missing.</param>
/// <param name="Status">The platform's and the quoting enclave's status together; null when a step failed.</param>
/// <param name="Advisories">Why it is not up to date.</param>
public sealed record VerificationReport(IReadOnlyList<VerificationCheck> Checks, TcbStatus? Status, IReadOnlyList<string> Advisories)
{
    /// <summary>Whether every step held, whatever the status.</summary>
    public bool Holds => Status is not null;
}
