namespace Cloister.Attestation.Libraries;

/// <summary>A library by which programs ask for quotes or collateral without a socket of their own.</summary>
/// <param name="FileNames">Names of its file; the first is its own (DT_SONAME).</param>
/// <param name="Unavailable">What its functions return when no service answers.</param>
/// <param name="Functions">Its functions.</param>
public sealed record AttestationLibrary(IReadOnlyList<string> FileNames, uint Unavailable, IReadOnlyList<LibraryFunction> Functions)
{
    /// <summary>Those that there are.</summary>
    public static IReadOnlyList<AttestationLibrary> All { get; } = [QuotingLibrary.Library, QuoteExLibrary.Library,
        ProviderLibrary.Library];
}
