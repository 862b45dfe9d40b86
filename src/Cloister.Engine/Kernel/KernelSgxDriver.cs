using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Driver.Ioctls.Tables;
using Cloister.Engine.Memory;
using Cloister.Linux.Kernel;
using Cloister.Processor;

namespace Cloister.Engine.Kernel;

/// <summary>The Linux kernel's own SGX driver behind the devices: a shared object of <c>cloister driver build</c>.</summary>
internal sealed class KernelSgxDriver : ISgxDriver, IDisposable
{
    // VM_SHARED, VM_MAYSHARE, and VM_MAYREAD, VM_MAYWRITE and VM_MAYEXEC; MAP_SHARED and MAP_PRIVATE.
    private const ulong Shared = 0x88, May = 0x70, MapShared = 1, MapPrivate = 2;
    private const uint ReadImpliesExecute = 0x0400000;

    // How often a fault that came to nothing is made again when ksgxd had its turn, until the thread itself makes it again.
    private const int MostTries = 100;

    private readonly SgxMachine _machine;
    private readonly EnclaveBooks _books;
    private readonly KernelHost _host;
    private readonly KernelDriver _driver;
    private readonly Dictionary<IAddressSpace, FollowedSpace> _spaces = [];
    private readonly List<KernelEnclave> _enclaves = [];
    private readonly List<KernelVirtualEpc> _virtualEpcs = [];
    private ulong _names;
    private long _faults, _ioctls;

    /// <summary>Loads the driver, which makes the machine's EPC its own.</summary>
    /// <param name="path">The shared object.</param>
    /// <param name="machine">The processor and its EPC.</param>
    /// <param name="survivor">Drives threads out of an enclave, and does what may meet the end of threads.</param>
    /// <param name="notice">Hears the driver's warnings.</param>
    /// <exception cref="KernelDriverException">The file is no driver, or one that does not start.</exception>
    public KernelSgxDriver(string path, SgxMachine machine, ISurvivor survivor, Action<string> notice)
    {
        _machine = machine;
        _books = new EnclaveBooks(machine);
        _host = new KernelHost(machine, _books, survivor, notice);
        KernelDriver? loaded = null;
        _driver = KernelDriver.Load(path, _host, driver =>
        {
            loaded = driver;
            _host.Epc = () => loaded.Epc;
        });
        _host.ProvisionFile = _driver.Open("sgx_provision", out _);
    }

    /// <inheritdoc/>
    public ILegacyDriver? Legacy => null;

    /// <inheritdoc/>
    public IDriverOrders? Orders => null;

    /// <inheritdoc/>
    public IPageAhead? Ahead => null;

    /// <inheritdoc/>
    public DriverStatistics Statistics => new()
    {
        EpcPagesTotal = _machine.Memory.PageCount,
        EpcPagesFree = _machine.Memory.PageCount - _machine.ValidPages
            - _virtualEpcs.Sum(one => one.Places.Keys.Count(page => !_machine.Epcm[page].Valid)),
        EpcPagesReclaimable = _books.Resident,
        Enclaves = _enclaves.Count,
        VirtualEpcs = _virtualEpcs.Count,
        BackingPages = _books.WrittenOut,
        Adds = _books.Adds,
        Augments = _books.Augments,
        Evictions = _books.Evictions,
        Loads = _books.Loads,
        Removals = _books.Removals,
        Faults = _faults,
        Ioctls = _ioctls,
        ForcedExits = _host.ForcedExits,
    };

    /// <inheritdoc/>
    public IDriverObserver Observer { get; set; } = IDriverObserver.Silent;

    /// <inheritdoc/>
    /// <remarks>The kernel's driver gives an error number and no reason.</remarks>
    public IoctlRefusal Refusal { get; set; }

    /// <inheritdoc/>
    public IReadOnlyList<IOpenEnclave> Enclaves => _enclaves;

    /// <inheritdoc/>
    public DriverError Open(IEnclaveStorage storage, out IOpenEnclave? enclave)
    {
        enclave = null;
        nint file = _driver.Open("sgx_enclave", out int error);
        if (error == 0)
        {
            var opened = new KernelEnclave(file, storage);
            _enclaves.Add(opened);
            enclave = opened;
        }

        return (DriverError)(-error);
    }

    /// <inheritdoc/>
    public DriverError OpenVirtualEpc(IEnclaveStorage storage, out IOpenVirtualEpc? virtualEpc)
    {
        virtualEpc = null;
        nint file = _driver.Open("sgx_vepc", out int error);
        if (error == 0)
        {
            var opened = new KernelVirtualEpc(file, storage);
            _virtualEpcs.Add(opened);
            virtualEpc = opened;
        }

        return (DriverError)(-error);
    }

    /// <inheritdoc/>
    public void Release(IOpenEnclave enclave)
    {
        var opened = (KernelEnclave)enclave;
        if (!opened.IsReleased)
        {
            opened.IsReleased = true;
            Prepare();
            _driver.Close(opened.File);
            _driver.Idle();
            _books.Closed(opened);
            _ = _enclaves.Remove(opened);
        }
    }

    /// <inheritdoc/>
    public void Release(IOpenVirtualEpc virtualEpc)
    {
        var opened = (KernelVirtualEpc)virtualEpc;
        if (_virtualEpcs.Remove(opened))
        {
            foreach ((EpcPage page, ulong offset) in opened.Places)
            {
                opened.Storage.Remove(page, offset);
            }

            opened.Places.Clear();
            Prepare();
            _driver.Close(opened.File);
            _driver.Idle();
        }
    }

    /// <inheritdoc/>
    public IoctlOperation Ioctl(IOpenEnclave enclave, uint command, ulong argument, ICaller caller) =>
        Begin(((KernelEnclave)enclave).File, (KernelEnclave)enclave, IoctlDevice.Enclave, command, argument, caller);

    /// <inheritdoc/>
    public IoctlOperation Ioctl(IOpenVirtualEpc virtualEpc, uint command, ulong argument, ICaller caller) =>
        Begin(((KernelVirtualEpc)virtualEpc).File, null, IoctlDevice.VirtualEpc, command, argument, caller);

    /// <summary>Works on an ioctl.</summary>
    /// <param name="ioctl">The ioctl.</param>
    /// <param name="pages">After so many pages it is over for now; 0: at its end.</param>
    /// <returns>Whether it has ended.</returns>
    public bool Work(KernelIoctl ioctl, int pages)
    {
        Prepare();
        (_host.Ioctl, _books.Current, _books.IsRemoving) = (ioctl, ioctl.Enclave, ioctl.Name == "SGX_IOC_ENCLAVE_REMOVE_PAGES");
        try
        {
            return ioctl.Run(pages);
        }
        finally
        {
            (_host.Ioctl, _books.Current, _books.IsRemoving) = (null, null, false);
        }
    }

    /// <inheritdoc/>
    public int Mmap(
        IOpenEnclave enclave, IAddressSpace addressSpace, LinearAddress start, LinearAddress limit, Protection protection, bool isPrivate,
        bool readImpliesExecute) =>
        Mmap(((KernelEnclave)enclave).File, addressSpace, start, limit, start.Value, protection, isPrivate, readImpliesExecute);

    /// <inheritdoc/>
    public int Mmap(
        IOpenVirtualEpc virtualEpc, IAddressSpace addressSpace, LinearAddress start, LinearAddress limit, ulong offset,
        Protection protection, bool isPrivate) =>
        Mmap(((KernelVirtualEpc)virtualEpc).File, addressSpace, start, limit, offset, protection, isPrivate, readImpliesExecute: false);

    /// <inheritdoc/>
    public int Mprotect(
        IOpenEnclave enclave, IAddressSpace addressSpace, LinearAddress start, LinearAddress limit, Protection protection,
        bool readImpliesExecute)
    {
        FollowedSpace followed = Of(addressSpace);
        Prepare();
        _driver.RunAs(followed.Handle, readImpliesExecute ? ReadImpliesExecute : 0);
        return _driver.MayProtect(followed.Handle, start.Value, limit.Value, (ulong)protection);
    }

    /// <inheritdoc/>
    public void AddressSpaceCopied(IAddressSpace parent, IAddressSpace child, IReadOnlyCollection<IOpenEnclave> mapped)
    {
        if (!_spaces.TryGetValue(parent, out FollowedSpace? from))
        {
            return;
        }

        Prepare();
        ulong name = ++_names;
        Follow(from, () => Add(new FollowedSpace(name, _driver.Fork(from.Handle, name), (AddressSpace)child) { Told = from.Told }));
    }

    /// <inheritdoc/>
    public void AddressSpaceReleased(IAddressSpace addressSpace)
    {
        if (_spaces.Remove(addressSpace, out FollowedSpace? followed))
        {
            try
            {
                Follow(followed, () =>
                {
                    _driver.Exit(followed.Handle);
                    _driver.Idle();
                });
            }
            finally
            {
                _ = _host.Spaces.Remove(followed.Name);
                _driver.RunAs(0, 0);
            }
        }
    }

    /// <inheritdoc/>
    public VmFault Fault(IOpenEnclave enclave, IAddressSpace addressSpace, LinearAddress address, AccessKind access, Protection mapping)
    {
        Observer.FaultBegan(enclave, address, access);
        return Fault(addressSpace, address);
    }

    /// <inheritdoc/>
    public VmFault Fault(IOpenVirtualEpc virtualEpc, IAddressSpace addressSpace, LinearAddress address, ulong offset, Protection mapping)
    {
        Observer.FaultBegan(null, address, AccessKind.Read);
        return Fault(addressSpace, address);
    }

    /// <inheritdoc/>
    public long Access(
        IOpenEnclave enclave, IAddressSpace addressSpace, LinearAddress address, Span<byte> buffer, bool write, Protection mapping)
    {
        FollowedSpace followed = Of(addressSpace);
        Prepare();
        _driver.RunAs(followed.Handle, 0);
        return _driver.Access(followed.Handle, address.Value, buffer, write);
    }

    /// <inheritdoc/>
    public bool HasPage(IOpenEnclave enclave, LinearAddress address) => ((KernelEnclave)enclave).Pages.ContainsKey(address.Value >> 12);

    /// <inheritdoc/>
    public IEnumerable<EnclavePages> PagesOf(IOpenEnclave enclave, LinearAddress from, LinearAddress last) =>
        new KernelPages(_machine, (KernelEnclave)enclave).Rows(from, last);

    /// <inheritdoc/>
    public EpcPage EpcPageAt(IOpenEnclave enclave, LinearAddress address) =>
        ((KernelEnclave)enclave).Pages.TryGetValue(address.Value >> 12, out KernelPage page) ? page.Epc : EpcPage.None;

    /// <inheritdoc/>
    public bool TryRead(IOpenEnclave enclave, LinearAddress address, Span<byte> contents, out SecinfoFlags secinfo)
    {
        secinfo = default;
        EpcPage page = EpcPageAt(enclave, address);
        bool isThere = !page.IsNone && _machine.Epcm[page].Valid;
        if (isThere)
        {
            secinfo = _machine.Epcm[page].SecinfoFlags;
            _machine.Memory.Contents(page).CopyTo(contents);
        }

        return isThere;
    }

    /// <inheritdoc/>
    public bool TryReadSecs(IOpenEnclave enclave, out Secs secs)
    {
        bool isThere = enclave.SecsPage is { IsNone: false } page && _machine.Epcm[page].Valid;
        secs = isThere ? MemoryMarshal.Read<Secs>(_machine.Memory.Contents(enclave.SecsPage)) : default;
        return isThere;
    }

    /// <inheritdoc/>
    public void Dispose() => _driver.Dispose();

    private KernelIoctl Begin(nint file, KernelEnclave? enclave, IoctlDevice device, uint command, ulong argument, ICaller caller)
    {
        _ioctls += enclave is null ? 0 : 1;
        FollowedSpace followed = Of(caller.AddressSpace);
        string? name = IoctlTable.Find(Generation.V6_0, device, command)?.Name;
        _driver.RunAs(followed.Handle, 0);
        var ioctl = new KernelIoctl(this, _driver.BeginIoctl(file, command, argument), enclave, caller, name);
        Observer.IoctlBegan(ioctl, name, command, argument, enclave);
        return ioctl;
    }

    private int Mmap(
        nint file, IAddressSpace addressSpace, LinearAddress start, LinearAddress limit, ulong offset, Protection protection,
        bool isPrivate, bool readImpliesExecute)
    {
        FollowedSpace followed = Of(addressSpace);
        Prepare();
        _driver.RunAs(followed.Handle, readImpliesExecute ? ReadImpliesExecute : 0);
        ulong flags = (ulong)protection | May | (isPrivate ? 0 : Shared);
        return _driver.MayMap(followed.Handle, file, start.Value, limit.Value, flags, offset >> 12, isPrivate ? MapPrivate : MapShared);
    }

    private VmFault Fault(IAddressSpace addressSpace, LinearAddress address)
    {
        _faults++;
        FollowedSpace followed = Of(addressSpace);
        Prepare();
        _driver.RunAs(followed.Handle, 0);
        VmFault result = Resolve(followed, address.PageBase.Value);
        Observer.FaultEnded(result);
        return result;
    }

    private VmFault Resolve(FollowedSpace followed, ulong page)
    {
        for (int tries = 0; tries < MostTries; tries++)
        {
            // The copy of fork has its parent's entries, which the engine has not; and vmf_insert_pfn tells of no entry that was there.
            if (_driver.Frame(followed.Handle, page) is not ulong.MaxValue and var frame)
            {
                if (!followed.Space.Pages.Peek(page).Present)
                {
                    KernelHost.Insert(followed, page, frame);
                }

                return VmFault.NoPage;
            }

            uint result = _driver.Fault(followed.Handle, page);
            if ((result & (KernelDriver.FaultNoPage | KernelDriver.FaultRetry)) == 0)
            {
                return (result & KernelDriver.FaultOutOfMemory) != 0 ? VmFault.Oom : VmFault.Sigbus;
            }

            if (_driver.Frame(followed.Handle, page) == ulong.MaxValue)
            {
                _driver.Idle();
            }
        }

        return VmFault.NoPage;
    }

    // Kernel threads have their time before a call and not behind it: a page that was brought in is there when its thread goes on. Then the
    // driver is told what has changed in the engine's books; a process that it does not know has nothing mapped.
    private void Prepare()
    {
        _driver.Idle();
        foreach (FollowedSpace followed in _spaces.Values)
        {
            if (followed.Version != followed.Space.Mappings.Version)
            {
                Follow(followed, () =>
                {
                    foreach (MappingChange change in MappingChange.Since(followed.Tell(), followed.Told))
                    {
                        _driver.Follow(followed.Handle, change.File, change.Start, change.End, change.Rights, change.Offset >> 12);
                    }
                });
            }
        }
    }

    // The engine's books know already what the driver does to page tables meanwhile.
    private void Follow(FollowedSpace followed, Action action)
    {
        _host.IsFollowing = true;
        try
        {
            _driver.RunAs(followed.Handle, 0);
            action();
        }
        finally
        {
            _host.IsFollowing = false;
        }
    }

    private FollowedSpace Of(IAddressSpace addressSpace)
    {
        if (!_spaces.TryGetValue(addressSpace, out FollowedSpace? followed))
        {
            ulong name = ++_names;
            followed = Add(new FollowedSpace(name, _driver.NewAddressSpace(name), (AddressSpace)addressSpace));
        }

        return followed;
    }

    private FollowedSpace Add(FollowedSpace followed)
    {
        _spaces[followed.Space] = followed;
        return _host.Spaces[followed.Name] = followed;
    }
}
