using Cloister.Architecture;
using Cloister.Driver.Ioctls;
using Cloister.Driver.Ioctls.Tables;
using Cloister.Processor;

namespace Cloister.Driver;

/// <content>The virtual EPC device.</content>
public sealed partial class SgxDriver
{
    /// <summary>open("/dev/sgx_vepc").</summary>
    /// <param name="storage">Where its pages shall live, by offset in the file.</param>
    public VirtualEpc OpenVirtualEpc(IEnclaveStorage storage)
    {
        ArgumentNullException.ThrowIfNull(storage);
        var virtualEpc = new VirtualEpc(storage);
        _virtualEpcs.Add(virtualEpc);
        return virtualEpc;
    }

    /// <summary>mmap of the virtual EPC device: any range, any protection, not private.</summary>
    /// <param name="virtualEpc">The open file.</param>
    /// <param name="isPrivate">MAP_PRIVATE.</param>
    /// <returns>0 or -EINVAL.</returns>
    public int Mmap(VirtualEpc virtualEpc, bool isPrivate)
    {
        ThrowIfStrange(virtualEpc);
        return isPrivate ? -(int)DriverError.EINVAL : 0;
    }

    /// <summary>A page fault on a mapping of virtual EPC: a free EPC page is put there and stays (sgx_vepc_fault).</summary>
    /// <param name="virtualEpc">The open file.</param>
    /// <param name="addressSpace">Where the fault was.</param>
    /// <param name="address">The address that was accessed.</param>
    /// <param name="offset">The offset in the file that the address's page shows.</param>
    /// <param name="mapping">The protections of the mapping.</param>
    public VmFault Fault(
        VirtualEpc virtualEpc,
        IAddressSpace addressSpace,
        LinearAddress address,
        ulong offset,
        Protection mapping)
    {
        ThrowIfStrange(virtualEpc);
        ArgumentNullException.ThrowIfNull(addressSpace);
        State.Observer.FaultBegan(null, address, AccessKind.Read);
        Come(InjectedMoment.Fault);
        VmFault result = _virtualEpcMemory.Fault(virtualEpc, addressSpace, address.PageBase, offset, mapping);
        State.Observer.FaultEnded(result);
        return result;
    }

    /// <summary>ioctl on an open file of the virtual EPC device.</summary>
    /// <param name="virtualEpc">The open file.</param>
    /// <param name="command">The command number.</param>
    /// <param name="argument">The argument as the program gave it.</param>
    /// <param name="caller">The calling thread.</param>
    /// <returns>The call: done already, or to be continued.</returns>
    public IoctlOperation Ioctl(VirtualEpc virtualEpc, uint command, ulong argument, ICaller caller)
    {
        ThrowIfStrange(virtualEpc);
        ArgumentNullException.ThrowIfNull(caller);
        Come(InjectedMoment.Ioctl);
        var row = IoctlTable.Find(Options.Generation, IoctlDevice.VirtualEpc, command);
        IoctlOperation operation = row is null ? new CompletedIoctl(State.Refuse(DriverError.ENOTTY, IoctlRule.KnownCommand, command))
            : Injected(row) ?? row.Create(new IoctlCall(_services, null, virtualEpc, argument, caller));
        return Tell(operation, row, command, argument, null);
    }

    /// <summary>
    /// The last descriptor and mapping of a virtual EPC are gone (sgx_vepc_release). A SECS whose pages are in another
    /// virtual EPC stays behind until that one goes.
    /// </summary>
    /// <param name="virtualEpc">The open file. Once more does nothing.</param>
    public void Release(VirtualEpc virtualEpc)
    {
        ArgumentNullException.ThrowIfNull(virtualEpc);
        if (_virtualEpcs.Remove(virtualEpc))
        {
            _virtualEpcMemory.Release(virtualEpc);
        }
    }

    private void ThrowIfStrange(VirtualEpc virtualEpc)
    {
        ArgumentNullException.ThrowIfNull(virtualEpc);
        ObjectDisposedException.ThrowIf(!_virtualEpcs.Contains(virtualEpc), virtualEpc);
    }
}
