namespace Cloister.Cli.Explaining;

/// <summary>A failure that <c>--explain</c> tells of.</summary>
/// <param name="Of">What failed: an ioctl, a leaf, an exception.</param>
/// <param name="Outcome">How: an errno, an error code, an exception, a state.</param>
/// <param name="Causes">What usually causes it.</param>
internal sealed record ExplainedCase(string Of, string Outcome, string Causes);
