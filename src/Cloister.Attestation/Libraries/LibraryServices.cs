using Cloister.Attestation.Collaterals;
using Cloister.Attestation.Quotes;
using Cloister.Attestation.Services;

namespace Cloister.Attestation.Libraries;

/// <summary>What stands behind the libraries.</summary>
/// <param name="Quoting">Makes quotes.</param>
/// <param name="Platform">The platform, with its certificates.</param>
/// <param name="Published">Its collateral, as verifiers shall find it.</param>
public sealed record LibraryServices(QuotingService Quoting, CertifiedPlatform Platform, CollateralPublication Published)
{
    /// <summary>AESM, over the same quoting service.</summary>
    internal AesmService Aesm { get; } = new(Quoting);

    /// <summary>The collateral of this moment.</summary>
    internal CollateralMaker Collateral => Published.Current;
}
