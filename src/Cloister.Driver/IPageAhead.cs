using Cloister.Architecture;

namespace Cloister.Driver;

/// <summary>A driver that can say which page faults it will answer by adding a page, before they come.</summary>
public interface IPageAhead
{
    /// <summary>EPC pages that can be had before ksgxd begins to make room, less what goes into version arrays.</summary>
    int SparePages { get; }

    /// <summary>How many pages from an address on a fault would add now, one after the other, with nothing evicted for them.</summary>
    /// <param name="enclave">The open file.</param>
    /// <param name="start">Linear address of the first page.</param>
    /// <param name="most">No more than these; they must be spare (<see cref="SparePages"/>).</param>
    int PagesToAdd(IOpenEnclave enclave, LinearAddress start, int most);
}
