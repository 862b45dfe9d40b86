namespace Cloister.Attestation.Platforms;

/// <summary>What of a machine may change while its root key stays.</summary>
public sealed record PlatformSettings
{
    private const string FirstCpusvn = "01010000000000000000000000000000";

    /// <summary>CPUSVN, 32 hexadecimal digits.</summary>
    public string Cpusvn { get; init; } = FirstCpusvn;

    /// <summary>
    /// CPUSVN of the microcode that is loaded, until EUPDATESVN or a power cycle takes it over; empty when there is none.
    /// </summary>
    public string PendingCpusvn { get; init; } = "";

    /// <summary>ISVSVN of the PCE.</summary>
    public ushort Pcesvn { get; init; } = ArchitecturalEnclave.IntelPce.Isvsvn;

    /// <summary>The PCE whose key is certified; null: Intel's.</summary>
    public ArchitecturalEnclave? Pce { get; init; }

    /// <summary>The QE that identities name; null: Intel's.</summary>
    public ArchitecturalEnclave? Qe { get; init; }

    /// <summary>Family, model, stepping, platform type and custom SKU: 12 hexadecimal digits.</summary>
    public string Fmspc { get; init; } = "00C10157E500";

    /// <summary>Who certifies it.</summary>
    public CertificateAuthority Authority { get; init; }

    /// <summary>CR_SGXOWNEREPOCH, 32 hexadecimal digits; empty: it comes from the root key.</summary>
    public string OwnerEpoch { get; init; } = "";

    /// <summary>The PCK certificate's flag: packages can be added.</summary>
    public bool DynamicPlatform { get; init; }

    /// <summary>The PCK certificate's flag: platform root keys are kept by Intel.</summary>
    public bool CachedKeys { get; init; }

    /// <summary>The PCK certificate's flag: simultaneous multithreading is on.</summary>
    public bool Smt { get; init; } = true;

    /// <summary>Every version that this platform has been at or is to come to, from old to new.</summary>
    public IReadOnlyList<TcbVersion> Versions { get; init; } = [];

    /// <summary>The PCE whose key is certified.</summary>
    public ArchitecturalEnclave CertificationEnclave => Pce ?? ArchitecturalEnclave.IntelPce;

    /// <summary>The QE that identities name.</summary>
    public ArchitecturalEnclave QuotingEnclave => Qe ?? ArchitecturalEnclave.IntelQe;

    /// <summary>The present version.</summary>
    public TcbVersion Version => new(Cpusvn, Pcesvn);

    /// <summary>Every version, the present one and the pending one among them, from old to new.</summary>
    public IReadOnlyList<TcbVersion> AllVersions
    {
        get
        {
            List<TcbVersion> all = [.. Versions.Where(version => version != Version && version != Pending)];
            all.Add(Version);
            if (Pending is { } pending)
            {
                all.Add(pending);
            }

            // The newest first that others do not go beyond: an update goes up, and a downgrade does not make what it left unknown.
            return [.. all.OrderBy(version => version.Components.Sum(component => component)).ThenBy(version => version.Pcesvn)];
        }
    }

    private TcbVersion? Pending => PendingCpusvn.Length == 0 ? null : new TcbVersion(PendingCpusvn, Pcesvn);

    /// <summary>The same with another present version; what it was stays known.</summary>
    public PlatformSettings At(string cpusvn, ushort pcesvn) => this with
    {
        Versions = AllVersions,
        Cpusvn = cpusvn,
        Pcesvn = pcesvn,
        PendingCpusvn = PendingCpusvn == cpusvn ? "" : PendingCpusvn,
    };

    /// <summary>
    /// The same with another PCE, whose ISVSVN is the new PCESVN. An older or newer one of the same makes a further version. Another one
    /// has other keys, of which none was certified: the platform has been at its CPUSVNs with this one alone.
    /// </summary>
    /// <param name="pce">The PCE; null: Intel's.</param>
    public PlatformSettings Certifying(ArchitecturalEnclave? pce)
    {
        ArchitecturalEnclave next = pce ?? ArchitecturalEnclave.IntelPce;
        return next.HasKeysOf(CertificationEnclave)
            ? At(Cpusvn, next.Isvsvn) with { Pce = pce }
            : this with
            {
                Pce = pce,
                Pcesvn = next.Isvsvn,
                Versions = [.. AllVersions.Select(version => version with { Pcesvn = next.Isvsvn }).Distinct()],
            };
    }
}
