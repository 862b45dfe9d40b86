using Cloister.Driver;

namespace Cloister.Kernel.Tests.Oracle;

/// <summary>A process, as both sides have it: which page of it shows which file.</summary>
internal sealed class Process(int number)
{
    public int Number => number;

    /// <summary>READ_IMPLIES_EXEC.</summary>
    public bool ReadImpliesExecute { get; set; }

    /// <summary>Linear page number to mapping.</summary>
    public SortedDictionary<ulong, PageMapping> Pages { get; } = [];

    public bool MapsNothingAbove(ulong address) => address >= UserMemory.NoExecEnd && !Pages.Keys.Any(page => page >= address >> 12);

    internal readonly record struct PageMapping(OpenFile File, Protection Protection, ulong Offset);
}

/// <summary>An open file of a device, as both sides have it.</summary>
internal sealed class OpenFile(int number, string device)
{
    public int Number => number;

    public string Device => device;

    public bool IsVirtualEpc => device == "sgx_vepc";

    /// <summary>Whether a descriptor is open on it.</summary>
    public bool IsOpen { get; set; } = true;

    /// <summary>How many pages of processes show it.</summary>
    public int Mapped { get; set; }

    /// <summary>Offsets of virtual EPC that have a page.</summary>
    public HashSet<ulong> Filled { get; } = [];

    /// <summary>Where an enclave lies that was begun in it.</summary>
    public ulong Base { get; set; }

    /// <summary>
    /// Whether an mmap that fails has taken away what was there: its place is asked for first (sgx_get_unmapped_area refuses a private
    /// mapping), then the range is cleared, then the driver is asked.
    /// </summary>
    public bool TakesAwayAtMap(bool isPrivate) => device != "sgx_provision" && !(device == "sgx_enclave" && isPrivate);

    /// <summary>What was built in it wholly.</summary>
    public Cloister.Driver.Tests.Harness.EnclaveImage? Image { get; set; }
}
