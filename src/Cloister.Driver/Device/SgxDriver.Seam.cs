using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Driver;

/// <content>What the engine calls; its files are this driver's own.</content>
public sealed partial class SgxDriver : ISgxDriver, ILegacyDriver, IPageAhead, IDriverOrders
{
    /// <inheritdoc/>
    IDriverOrders? ISgxDriver.Orders => this;

    /// <inheritdoc/>
    ILegacyDriver? ISgxDriver.Legacy => this;

    /// <inheritdoc/>
    IPageAhead? ISgxDriver.Ahead => this;

    /// <inheritdoc/>
    IReadOnlyList<IOpenEnclave> ISgxDriver.Enclaves => Enclaves;

    /// <inheritdoc/>
    DriverError ISgxDriver.Open(IEnclaveStorage storage, out IOpenEnclave? enclave)
    {
        DriverError error = BeginUse();
        enclave = error == DriverError.None ? Open(storage) : null;
        return error;
    }

    /// <inheritdoc/>
    DriverError ISgxDriver.OpenVirtualEpc(IEnclaveStorage storage, out IOpenVirtualEpc? virtualEpc)
    {
        DriverError error = BeginUse();
        virtualEpc = error == DriverError.None ? OpenVirtualEpc(storage) : null;
        return error;
    }

    /// <inheritdoc/>
    void ISgxDriver.Release(IOpenEnclave enclave) => Release((SgxEnclave)enclave);

    /// <inheritdoc/>
    void ISgxDriver.Release(IOpenVirtualEpc virtualEpc) => Release((VirtualEpc)virtualEpc);

    /// <inheritdoc/>
    IoctlOperation ISgxDriver.Ioctl(IOpenEnclave enclave, uint command, ulong argument, ICaller caller) =>
        Ioctl((SgxEnclave)enclave, command, argument, caller);

    /// <inheritdoc/>
    IoctlOperation ISgxDriver.Ioctl(IOpenVirtualEpc virtualEpc, uint command, ulong argument, ICaller caller) =>
        Ioctl((VirtualEpc)virtualEpc, command, argument, caller);

    /// <inheritdoc/>
    int ISgxDriver.Mmap(IOpenEnclave enclave, IAddressSpace addressSpace, LinearAddress start, LinearAddress limit, Protection protection,
        bool isPrivate, bool readImpliesExecute) =>
        Mmap((SgxEnclave)enclave, addressSpace, start, limit, protection, isPrivate, readImpliesExecute);

    /// <inheritdoc/>
    int ISgxDriver.Mmap(IOpenVirtualEpc virtualEpc, IAddressSpace addressSpace, LinearAddress start, LinearAddress limit, ulong offset,
        Protection protection, bool isPrivate) =>
        Mmap((VirtualEpc)virtualEpc, isPrivate);

    /// <inheritdoc/>
    int ISgxDriver.Mprotect(IOpenEnclave enclave, IAddressSpace addressSpace, LinearAddress start, LinearAddress limit,
        Protection protection, bool readImpliesExecute) =>
        MayMap((SgxEnclave)enclave, start, limit, protection, readImpliesExecute);

    /// <inheritdoc/>
    void ISgxDriver.AddressSpaceCopied(IAddressSpace parent, IAddressSpace child, IReadOnlyCollection<IOpenEnclave> mapped)
    {
        ArgumentNullException.ThrowIfNull(mapped);
        foreach (IOpenEnclave enclave in mapped)
        {
            AddressSpaceMapped((SgxEnclave)enclave, child);
        }
    }

    /// <inheritdoc/>
    VmFault ISgxDriver.Fault(IOpenEnclave enclave, IAddressSpace addressSpace, LinearAddress address, AccessKind access,
        Protection mapping) =>
        Fault((SgxEnclave)enclave, addressSpace, address, access, mapping);

    /// <inheritdoc/>
    VmFault ISgxDriver.Fault(IOpenVirtualEpc virtualEpc, IAddressSpace addressSpace, LinearAddress address, ulong offset,
        Protection mapping) =>
        Fault((VirtualEpc)virtualEpc, addressSpace, address, offset, mapping);

    /// <inheritdoc/>
    long ISgxDriver.Access(IOpenEnclave enclave, IAddressSpace addressSpace, LinearAddress address, Span<byte> buffer, bool write,
        Protection mapping) =>
        Access((SgxEnclave)enclave, address, buffer, write, mapping);

    /// <inheritdoc/>
    bool ISgxDriver.HasPage(IOpenEnclave enclave, LinearAddress address) => HasPage((SgxEnclave)enclave, address);

    /// <inheritdoc/>
    IEnumerable<EnclavePages> ISgxDriver.PagesOf(IOpenEnclave enclave, LinearAddress from, LinearAddress last) =>
        PagesOf((SgxEnclave)enclave, from, last);

    /// <inheritdoc/>
    EpcPage ISgxDriver.EpcPageAt(IOpenEnclave enclave, LinearAddress address) => EpcPageAt((SgxEnclave)enclave, address);

    /// <inheritdoc/>
    bool ISgxDriver.TryRead(IOpenEnclave enclave, LinearAddress address, Span<byte> contents, out SecinfoFlags secinfo) =>
        TryRead((SgxEnclave)enclave, address, contents, out secinfo);

    /// <inheritdoc/>
    bool ISgxDriver.TryReadSecs(IOpenEnclave enclave, out Secs secs) => TryReadSecs((SgxEnclave)enclave, out secs);

    /// <inheritdoc/>
    int IPageAhead.PagesToAdd(IOpenEnclave enclave, LinearAddress start, int most) => PagesToAdd((SgxEnclave)enclave, start, most);

    /// <inheritdoc/>
    void ILegacyDriver.Unmapped(IOpenEnclave enclave, IAddressSpace addressSpace, LinearAddress start, LinearAddress limit) =>
        Unmapped((SgxEnclave)enclave, addressSpace, start, limit);

    /// <inheritdoc/>
    VmFault ILegacyDriver.WriteFault(IOpenEnclave enclave, LinearAddress address) => WriteFault((SgxEnclave)enclave, address);

    /// <inheritdoc/>
    DriverError ILegacyDriver.Populate(IOpenEnclave enclave, IAddressSpace addressSpace, LinearAddress start, LinearAddress limit,
        Protection mapping) =>
        Populate((SgxEnclave)enclave, addressSpace, start, limit, mapping);
}
