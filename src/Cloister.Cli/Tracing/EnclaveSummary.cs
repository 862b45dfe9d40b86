namespace Cloister.Cli.Tracing;

/// <summary>What became of one enclave.</summary>
internal sealed class EnclaveSummary
{
    /// <summary>Its number, SECS.EID.</summary>
    public required ulong Enclave { get; init; }

    /// <summary>Entries and exits.</summary>
    public EntryCounts Counts { get; } = new();

    /// <summary>Whether entries and exits without a stop are missing: they were of this enclave or of another of its process.</summary>
    public bool IsPartial { get; set; }

    /// <summary>Page faults that the driver answered.</summary>
    public long PageFaults { get; set; }

    /// <summary>Pages added by EADD.</summary>
    public long Added { get; set; }

    /// <summary>Pages added by EAUG.</summary>
    public long Augmented { get; set; }

    /// <summary>Pages written out by EWB.</summary>
    public long Evicted { get; set; }

    /// <summary>Pages brought back.</summary>
    public long Loaded { get; set; }

    /// <summary>Ioctls on it.</summary>
    public long Ioctls { get; set; }

    /// <summary>EPC pages that it has, its SECS included.</summary>
    public long Pages { get; private set; }

    /// <summary>The most that it had.</summary>
    public long PeakPages { get; private set; }

    /// <summary>It has one page more in the EPC, or one less.</summary>
    public void Change(long pages)
    {
        Pages += pages;
        PeakPages = Math.Max(PeakPages, Pages);
    }
}
