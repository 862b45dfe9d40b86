using Cloister.Attestation.Collaterals;

namespace Cloister.Cli.Platforms;

/// <summary>The words of verdicts on the command line.</summary>
internal static class VerdictText
{
    public const string TcbDescription =
        "The status that verifiers find for the platform: UpToDate, OutOfDate, SWHardeningNeeded, ConfigurationNeeded, ConfigurationAndSWHardeningNeeded, OutOfDateConfigurationNeeded, Revoked, NotSupported. Default: as its versions are.";
    public const string QuotingDescription =
        "The status that they find for the quoting enclave: UpToDate, OutOfDate or Revoked. Default: UpToDate.";
    public const string CollateralDescription =
        "Whether TCB information, identities and revocation lists are fresh or expired. Default: fresh.";
    public const string PckDescription = "Whether the platform's certificate is valid or revoked. Default: valid.";

    /// <summary>Puts a value into a verdict; null when it is none, with the line that says so.</summary>
    public delegate Verdict? Part(Verdict verdict, string text, string option, out string? problem);

    public static IReadOnlyList<string> Statuses { get; } = Enum.GetNames<TcbStatus>();

    public static IReadOnlyList<string> QuotingStatuses { get; } = [nameof(TcbStatus.UpToDate), nameof(TcbStatus.OutOfDate),
        nameof(TcbStatus.Revoked)];

    public static IReadOnlyList<string> Ages { get; } = ["fresh", "expired"];

    public static IReadOnlyList<string> Certificates { get; } = ["valid", "revoked"];

    public static Verdict? Tcb(Verdict verdict, string text, string option, out string? problem) =>
        Of(text, option, Statuses, out problem) is { } status ? verdict with { Tcb = Enum.Parse<TcbStatus>(status) } : null;

    public static Verdict? Quoting(Verdict verdict, string text, string option, out string? problem) =>
        Of(text, option, QuotingStatuses, out problem) is { } status ? verdict with
        {
            QuotingEnclave = Enum.Parse<TcbStatus>(status),
        } : null;

    public static Verdict? Collateral(Verdict verdict, string text, string option, out string? problem) =>
        Of(text, option, Ages, out problem) is { } age ? verdict with { IsExpired = age == Ages[1] } : null;

    public static Verdict? Pck(Verdict verdict, string text, string option, out string? problem) =>
        Of(text, option, Certificates, out problem) is { } one ? verdict with { IsRevoked = one == Certificates[1] } : null;

    private static string? Of(string text, string option, IReadOnlyList<string> words, out string? problem)
    {
        string? word = words.FirstOrDefault(word => word.Equals(text, StringComparison.OrdinalIgnoreCase));
        problem = word is null
            ? $"{option} {text}: no such value{Spelling.Advice(text, words, "there is " + string.Join(", ", words))}" : null;
        return word;
    }
}
