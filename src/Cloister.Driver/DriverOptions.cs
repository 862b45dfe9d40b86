namespace Cloister.Driver;

/// <summary>What can be chosen about the driver; the defaults are Linux 6.12's.</summary>
public sealed record DriverOptions
{
    /// <summary>The interface programs see.</summary>
    public Generation Generation { get; init; } = Generation.V6_0;

    /// <summary>
    /// Which enclaves may execute pages added at run time; null leaves it to the generation: nobody in EDMM V1 and V2,
    /// everybody later.
    /// </summary>
    public ExecuteDirtyPolicy? Policy { get; init; }

    /// <summary>Whether the first open of a device executes EUPDATESVN, as from Linux 6.19 on.</summary>
    public bool UpdatesSvn { get; init; }

    /// <summary>What is to go wrong by order.</summary>
    public IReadOnlyList<InjectedFailure> Injected { get; init; } = [];

    /// <summary>Free EPC pages below which the reclaimer is woken (SGX_NR_LOW_PAGES).</summary>
    public int LowPages { get; init; } = 32;

    /// <summary>Free EPC pages at which the reclaimer goes back to sleep (SGX_NR_HIGH_PAGES).</summary>
    public int HighPages { get; init; } = 64;
}
