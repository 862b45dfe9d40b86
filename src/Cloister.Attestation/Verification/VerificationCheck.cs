namespace Cloister.Attestation.Verification;

/// <summary>One step of a verification.</summary>
/// <param name="Name">What is checked.</param>
/// <param name="Expected">What it must be.</param>
/// <param name="Found">What it is.</param>
/// <param name="Passed">Whether it holds.</param>
/// <param name="Meaning">What it means when it does not hold.</param>
public sealed record VerificationCheck(string Name, string Expected, string Found, bool Passed, string Meaning);
