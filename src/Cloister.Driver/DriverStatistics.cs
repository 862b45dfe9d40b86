namespace Cloister.Driver;

/// <summary>What the driver has done since it was made, and what it holds now. All counts are pages unless stated.</summary>
public readonly record struct DriverStatistics
{
    /// <summary>EPC pages of the machine.</summary>
    public int EpcPagesTotal { get; init; }

    /// <summary>EPC pages nobody owns.</summary>
    public int EpcPagesFree { get; init; }

    /// <summary>EPC pages the reclaimer may take.</summary>
    public int EpcPagesReclaimable { get; init; }

    /// <summary>Open enclaves, created or not.</summary>
    public int Enclaves { get; init; }

    /// <summary>Open virtual EPC files.</summary>
    public int VirtualEpcs { get; init; }

    /// <summary>Encrypted pages in the backing store now.</summary>
    public int BackingPages { get; init; }

    /// <summary>Pages added by EADD.</summary>
    public long Adds { get; init; }

    /// <summary>Pages added by EAUG.</summary>
    public long Augments { get; init; }

    /// <summary>Pages written out by EWB, SECS included.</summary>
    public long Evictions { get; init; }

    /// <summary>Pages brought back by ELDU, SECS included.</summary>
    public long Loads { get; init; }

    /// <summary>Pages removed by REMOVE_PAGES.</summary>
    public long Removals { get; init; }

    /// <summary>Page faults handled, whatever came of them.</summary>
    public long Faults { get; init; }

    /// <summary>Calls of ioctl on an open file of a device, whatever came of them.</summary>
    public long Ioctls { get; init; }

    /// <summary>Runs of the reclaimer, each over at most 16 pages.</summary>
    public long ReclaimRuns { get; init; }

    /// <summary>Times all threads were made to leave an enclave.</summary>
    public long ForcedExits { get; init; }
}
