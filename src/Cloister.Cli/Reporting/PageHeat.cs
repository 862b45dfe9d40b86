namespace Cloister.Cli.Reporting;

/// <summary>How often something was about a page.</summary>
internal sealed class PageHeat
{
    public required ulong Enclave { get; init; }

    public required ulong Address { get; init; }

    public long Faults { get; set; }

    public long Evictions { get; set; }

    public long Loads { get; set; }

    public long Exits { get; set; }

    public long All => Faults + Evictions + Loads + Exits;
}
