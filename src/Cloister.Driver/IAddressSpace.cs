using Cloister.Architecture;

namespace Cloister.Driver;

/// <summary>
/// The page tables of one process image (one <c>mm_struct</c>): shared by its threads, copied by fork, replaced by
/// exec. The engine implements it; the driver compares instances by reference.
/// </summary>
public interface IAddressSpace
{
    /// <summary>Installs a page-table entry (vmf_insert_pfn), in every mapping of the same file page if that is cheaper.</summary>
    /// <param name="address">Page aligned linear address.</param>
    /// <param name="page">The EPC page it shall show.</param>
    /// <param name="entry">What the entry allows, as far as the mapping allows it too.</param>
    /// <remarks>The entry starts out old: until somebody touches the page, it has not been accessed.</remarks>
    void InsertPage(LinearAddress address, EpcPage page, Protection entry);

    /// <summary>Removes the entries of a range (zap_vma_ptes); the next access faults. Absent entries are no error.</summary>
    /// <param name="address">Page aligned linear address.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    void Zap(LinearAddress address, ulong length);

    /// <summary>Whether the page was accessed since the last call, which it forgets. May unmap the page to find out later.</summary>
    /// <param name="page">Page aligned linear address.</param>
    /// <returns>True when the page was accessed; false also when it is not mapped.</returns>
    bool TestAndClearYoung(LinearAddress page);

    /// <summary>Copies from the address space, whoever is running (access_process_vm); false when any byte cannot be read.</summary>
    /// <param name="address">First byte.</param>
    /// <param name="destination">Filled; its contents are unspecified after a failure.</param>
    bool Read(LinearAddress address, Span<byte> destination);

    /// <summary>Copies to the address space, whoever is running; false when any byte cannot be written.</summary>
    /// <param name="address">First byte.</param>
    /// <param name="source">The bytes to write.</param>
    bool Write(LinearAddress address, ReadOnlySpan<byte> source);
}
