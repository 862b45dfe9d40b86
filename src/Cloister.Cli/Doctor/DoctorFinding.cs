namespace Cloister.Cli.Doctor;

/// <summary>How a finding bears on running programs.</summary>
internal enum FindingKind
{
    /// <summary>There, as it should be.</summary>
    Good,
    /// <summary>Worth knowing; nothing depends on it.</summary>
    Note,
    /// <summary>Something is slower or less faithful for it.</summary>
    Limit,
    /// <summary>No program can run so.</summary>
    Fatal,
}

/// <summary>One line of <c>doctor</c>.</summary>
/// <param name="Kind">How it bears on running programs.</param>
/// <param name="Key">A stable name for scripts.</param>
/// <param name="Subject">What was looked at.</param>
/// <param name="Found">What the machine has.</param>
/// <param name="Meaning">What that means and, where something is amiss, what to do.</param>
internal sealed record DoctorFinding(FindingKind Kind, string Key, string Subject, string Found, string Meaning);
