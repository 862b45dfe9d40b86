using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Driver;

/// <summary>
/// A driver of the machine's SGX devices, as the kernel around it calls it. Callers serialise: every member is called on one thread,
/// and none from within <see cref="IAddressSpace"/>, <see cref="IEnclaveStorage"/>, <see cref="IThreadKicker"/> or <see cref="ICaller"/>.
/// </summary>
public interface ISgxDriver
{
    /// <summary>What only drivers have that were never merged; null where the driver has nothing of it.</summary>
    ILegacyDriver? Legacy { get; }

    /// <summary>Which faults will add pages; null where the driver cannot say.</summary>
    IPageAhead? Ahead { get; }

    /// <summary>What happens by order; null where the driver takes none.</summary>
    IDriverOrders? Orders { get; }

    /// <summary>What the driver has done and holds.</summary>
    DriverStatistics Statistics { get; }

    /// <summary>Hears what the driver does. Nobody by default.</summary>
    IDriverObserver Observer { get; set; }

    /// <summary>Why an ioctl refused last, where the driver says it. Who reads it to tell of one sets it back.</summary>
    IoctlRefusal Refusal { get; set; }

    /// <summary>The open files of the device; those that have an enclave have a size.</summary>
    IReadOnlyList<IOpenEnclave> Enclaves { get; }

    /// <summary>open("/dev/sgx_enclave").</summary>
    /// <param name="storage">Where the enclave's pages shall live.</param>
    /// <param name="enclave">The open file; null after an error.</param>
    DriverError Open(IEnclaveStorage storage, out IOpenEnclave? enclave);

    /// <summary>open("/dev/sgx_vepc").</summary>
    /// <param name="storage">Where its pages shall live, by offset in the file.</param>
    /// <param name="virtualEpc">The open file; null after an error.</param>
    DriverError OpenVirtualEpc(IEnclaveStorage storage, out IOpenVirtualEpc? virtualEpc);

    /// <summary>The last descriptor and the last mapping are gone. Once more does nothing.</summary>
    /// <param name="enclave">The open file.</param>
    void Release(IOpenEnclave enclave);

    /// <summary>The same for virtual EPC.</summary>
    /// <param name="virtualEpc">The open file.</param>
    void Release(IOpenVirtualEpc virtualEpc);

    /// <summary>ioctl on an open file of the enclave device.</summary>
    /// <param name="enclave">The open file.</param>
    /// <param name="command">The command number.</param>
    /// <param name="argument">The argument as the program gave it.</param>
    /// <param name="caller">The calling thread.</param>
    /// <returns>The call: done already, or to be continued.</returns>
    IoctlOperation Ioctl(IOpenEnclave enclave, uint command, ulong argument, ICaller caller);

    /// <summary>ioctl on an open file of the virtual EPC device.</summary>
    /// <param name="virtualEpc">The open file.</param>
    /// <param name="command">The command number.</param>
    /// <param name="argument">The argument as the program gave it.</param>
    /// <param name="caller">The calling thread.</param>
    /// <returns>The call: done already, or to be continued.</returns>
    IoctlOperation Ioctl(IOpenVirtualEpc virtualEpc, uint command, ulong argument, ICaller caller);

    /// <summary>mmap of the enclave device: whether it may be; when it may, the address space is noted.</summary>
    /// <param name="enclave">The open file that is mapped.</param>
    /// <param name="addressSpace">The address space it is mapped into.</param>
    /// <param name="start">First address.</param>
    /// <param name="limit">The address behind the last.</param>
    /// <param name="protection">What the mapping shall have.</param>
    /// <param name="isPrivate">MAP_PRIVATE.</param>
    /// <param name="readImpliesExecute">The caller has the READ_IMPLIES_EXEC personality.</param>
    /// <returns>0 or a negated error.</returns>
    int Mmap(
        IOpenEnclave enclave,
        IAddressSpace addressSpace,
        LinearAddress start,
        LinearAddress limit,
        Protection protection,
        bool isPrivate,
        bool readImpliesExecute);

    /// <summary>mmap of the virtual EPC device.</summary>
    /// <param name="virtualEpc">The open file that is mapped.</param>
    /// <param name="addressSpace">The address space it is mapped into.</param>
    /// <param name="start">First address.</param>
    /// <param name="limit">The address behind the last.</param>
    /// <param name="offset">What is mapped at the first address, in bytes.</param>
    /// <param name="protection">What the mapping shall have.</param>
    /// <param name="isPrivate">MAP_PRIVATE.</param>
    /// <returns>0 or a negated error.</returns>
    int Mmap(
        IOpenVirtualEpc virtualEpc,
        IAddressSpace addressSpace,
        LinearAddress start,
        LinearAddress limit,
        ulong offset,
        Protection protection,
        bool isPrivate);

    /// <summary>mprotect of a mapping of the enclave device: whether it may be (sgx_vma_mprotect).</summary>
    /// <param name="enclave">The open file that is mapped.</param>
    /// <param name="addressSpace">Where it is mapped.</param>
    /// <param name="start">First address.</param>
    /// <param name="limit">The address behind the last.</param>
    /// <param name="protection">What the mapping shall have.</param>
    /// <param name="readImpliesExecute">The caller has the READ_IMPLIES_EXEC personality.</param>
    /// <returns>0 or a negated error.</returns>
    int Mprotect(
        IOpenEnclave enclave,
        IAddressSpace addressSpace,
        LinearAddress start,
        LinearAddress limit,
        Protection protection,
        bool readImpliesExecute);

    /// <summary>fork has copied an address space with its mappings (sgx_vma_open).</summary>
    /// <param name="parent">What was copied.</param>
    /// <param name="child">The copy.</param>
    /// <param name="mapped">The enclaves that the copy has mapped.</param>
    void AddressSpaceCopied(IAddressSpace parent, IAddressSpace child, IReadOnlyCollection<IOpenEnclave> mapped);

    /// <summary>An address space ends, by exit or by exec (sgx_mmu_notifier_release).</summary>
    /// <param name="addressSpace">The address space; unknown ones are no error.</param>
    void AddressSpaceReleased(IAddressSpace addressSpace);

    /// <summary>A page fault on a mapping of the enclave that the mapping's protections allow (sgx_vma_fault).</summary>
    /// <param name="enclave">The open file that is mapped there.</param>
    /// <param name="addressSpace">Where the fault was.</param>
    /// <param name="address">The address that was accessed.</param>
    /// <param name="access">How it was accessed.</param>
    /// <param name="mapping">The protections of the mapping.</param>
    VmFault Fault(IOpenEnclave enclave, IAddressSpace addressSpace, LinearAddress address, AccessKind access, Protection mapping);

    /// <summary>A page fault on a mapping of virtual EPC (sgx_vepc_fault).</summary>
    /// <param name="virtualEpc">The open file that is mapped there.</param>
    /// <param name="addressSpace">Where the fault was.</param>
    /// <param name="address">The address that was accessed.</param>
    /// <param name="offset">The offset in the file that the address's page shows.</param>
    /// <param name="mapping">The protections of the mapping.</param>
    VmFault Fault(IOpenVirtualEpc virtualEpc, IAddressSpace addressSpace, LinearAddress address, ulong offset, Protection mapping);

    /// <summary>Another program reads or writes enclave memory, by ptrace or /proc/PID/mem (sgx_vma_access).</summary>
    /// <param name="enclave">The open file that is mapped there.</param>
    /// <param name="addressSpace">Where it is mapped.</param>
    /// <param name="address">First byte.</param>
    /// <param name="buffer">The bytes read, or to write.</param>
    /// <param name="write">Whether to write.</param>
    /// <param name="mapping">The protections of the mapping.</param>
    /// <returns>Bytes done, or a negated error.</returns>
    long Access(IOpenEnclave enclave, IAddressSpace addressSpace, LinearAddress address, Span<byte> buffer, bool write, Protection mapping);

    /// <summary>Whether the enclave has a page, in the EPC or written out.</summary>
    /// <param name="enclave">The open file.</param>
    /// <param name="address">Linear address of the page.</param>
    bool HasPage(IOpenEnclave enclave, LinearAddress address);

    /// <summary>The pages of an enclave in the order of their addresses, alike ones in a row as one.</summary>
    /// <param name="enclave">The open file.</param>
    /// <param name="from">Linear address where to begin.</param>
    /// <param name="last">Linear address of the last page of interest.</param>
    IEnumerable<EnclavePages> PagesOf(IOpenEnclave enclave, LinearAddress from, LinearAddress last);

    /// <summary>The EPC page that an enclave has at an address; none while it is written out, or where there is no page.</summary>
    /// <param name="enclave">The open file.</param>
    /// <param name="address">The linear address.</param>
    EpcPage EpcPageAt(IOpenEnclave enclave, LinearAddress address);

    /// <summary>Reads a page of an enclave and leaves it where it is.</summary>
    /// <param name="enclave">The open file.</param>
    /// <param name="address">The page.</param>
    /// <param name="contents">4096 bytes.</param>
    /// <param name="secinfo">Its type, permissions and state.</param>
    /// <returns>False where there is no page, or it cannot be read.</returns>
    bool TryRead(IOpenEnclave enclave, LinearAddress address, Span<byte> contents, out SecinfoFlags secinfo);

    /// <summary>Reads the SECS of an enclave and leaves it where it is.</summary>
    /// <param name="enclave">The open file.</param>
    /// <param name="secs">The SECS.</param>
    /// <returns>False where there is none, or it cannot be read.</returns>
    bool TryReadSecs(IOpenEnclave enclave, out Secs secs);
}
