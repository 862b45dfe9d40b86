using Cloister.Attestation.Platforms;

namespace Cloister.Attestation.Collaterals;

/// <summary>A row of TCB information: versions from this on have this status.</summary>
/// <param name="Version">The least version.</param>
/// <param name="Status">Its status.</param>
/// <param name="Advisories">Why it is not up to date.</param>
public sealed record TcbLevel(TcbVersion Version, TcbStatus Status, IReadOnlyList<string> Advisories)
{
    // No advisory of Intel's has this number: there is nothing behind it.
    private const string NoAdvisory = "INTEL-SA-00000";

    /// <summary>The levels of a platform, from new to old.</summary>
    /// <param name="settings">The platform.</param>
    /// <param name="asked">The status that its present version shall have; null:
    /// the newest that it has known is up to date, and others are not.</param>
    public static IReadOnlyList<TcbLevel> Of(PlatformSettings settings, TcbStatus? asked)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (asked is null)
        {
            TcbVersion[] known = [.. settings.AllVersions.Reverse()];
            return [.. known.Select((version, i) => Level(version, i == 0 ? TcbStatus.UpToDate : TcbStatus.OutOfDate))];
        }

        TcbLevel newer = Level(Newer(settings.Version), TcbStatus.UpToDate);
        return asked switch
        {
            TcbStatus.UpToDate => [Level(settings.Version, TcbStatus.UpToDate)],
            TcbStatus.NotSupported => [newer],
            _ => [newer, Level(settings.Version, asked.Value)],
        };
    }

    private static TcbLevel Level(TcbVersion version, TcbStatus status) =>
        new(version, status, status == TcbStatus.UpToDate ? [] : [NoAdvisory]);

    private static TcbVersion Newer(TcbVersion version)
    {
        byte[] components = version.Components;
        int at = Array.FindIndex(components, component => component < byte.MaxValue);
        if (at < 0)
        {
            return version with { Pcesvn = (ushort)(version.Pcesvn + 1) };
        }

        components[at]++;
        return version with { Cpusvn = Convert.ToHexStringLower(components) };
    }
}
