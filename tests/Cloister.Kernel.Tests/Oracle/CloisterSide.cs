using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Processor;

namespace Cloister.Kernel.Tests.Oracle;

/// <summary>Cloister's driver over its processor.</summary>
internal sealed class CloisterSide : Side, IThreadKicker
{
    private readonly SgxDriver _driver;
    private readonly Dictionary<OpenFile, object> _files = [];

    public CloisterSide(int epcPages, IReadOnlyList<InjectedLeaf> codes)
        : base(epcPages, codes) => _driver = new SgxDriver(Machine, new DriverOptions(), this);

    public override bool Open(OpenFile file)
    {
        _files[file] = file.Device switch
        {
            "sgx_enclave" => _driver.Open(new Storage()),
            "sgx_vepc" => _driver.OpenVirtualEpc(new Storage()),
            _ => file,
        };
        return true;
    }

    public override void Close(OpenFile file)
    {
    }

    public override void Release(OpenFile file)
    {
        switch (_files[file])
        {
            case SgxEnclave enclave:
                _driver.Release(enclave);
                break;
            case VirtualEpc virtualEpc:
                _driver.Release(virtualEpc);
                break;
            default:
                break;
        }

        _files.Remove(file);
    }

    public override long Ioctl(Process process, OpenFile file, uint command, ulong argument)
    {
        var caller = new Caller(this, process);
        using IoctlOperation? operation = _files[file] switch
        {
            SgxEnclave enclave => _driver.Ioctl(enclave, command, argument, caller),
            VirtualEpc virtualEpc => _driver.Ioctl(virtualEpc, command, argument, caller),
            _ => null,
        };

        // The provisioning device has no ioctl at all.
        while (operation is not null && !operation.Continue(3))
        {
        }

        return operation?.Result ?? -(long)DriverError.ENOTTY;
    }

    public override int Map(Process process, OpenFile file, ulong start, ulong end, Protection protection, ulong offset, bool isPrivate)
    {
        if (file.TakesAwayAtMap(isPrivate))
        {
            Spaces[process.Number].Zap(new LinearAddress(start), end - start);
        }

        return _files[file] switch
        {
            SgxEnclave enclave =>
                _driver.Mmap(enclave, Spaces[process.Number], new LinearAddress(start), new LinearAddress(end), protection, isPrivate,
                    process.ReadImpliesExecute),
            VirtualEpc virtualEpc => _driver.Mmap(virtualEpc, isPrivate),
            _ => -19, // ENODEV: no file operation mmap
        };
    }

    public override void Unmap(Process process, ulong start, ulong end) =>
        Spaces[process.Number].Zap(new LinearAddress(start), end - start);

    public override int Protect(Process process, ulong start, ulong end, Protection protection)
    {
        for (ulong page = start >> 12; page < end >> 12; page++)
        {
            if (!process.Pages.TryGetValue(page, out Process.PageMapping mapping))
            {
                return -(int)DriverError.ENOMEM;
            }

            if (_files[mapping.File] is SgxEnclave enclave)
            {
                int error = _driver.MayMap(enclave, new LinearAddress(page << 12), new LinearAddress((page + 1) << 12), protection,
                    process.ReadImpliesExecute);
                if (error != 0)
                {
                    return error;
                }
            }
        }

        return 0;
    }

    public override void Begin(Process process) => Spaces[process.Number] = new Space();

    public override void Fork(Process parent, Process child)
    {
        Begin(child);
        foreach (OpenFile file in child.Pages.Values.Select(mapping => mapping.File).Distinct())
        {
            if (_files[file] is SgxEnclave enclave)
            {
                _driver.AddressSpaceMapped(enclave, Spaces[child.Number]);
            }
        }

        foreach ((ulong page, EpcPage epc) in Spaces[parent.Number].Entries.Where(entry => child.Pages.ContainsKey(entry.Key)))
        {
            Spaces[child.Number].InsertPage(new LinearAddress(page << 12), epc, default);
        }
    }

    public override void Exit(Process process)
    {
        _driver.AddressSpaceReleased(Spaces[process.Number]);
        Spaces.Remove(process.Number);
    }

    public override VmFault Fault(Process process, ulong address, AccessKind access)
    {
        Process.PageMapping mapping = process.Pages[address >> 12];
        return _files[mapping.File] switch
        {
            SgxEnclave enclave => _driver.Fault(enclave, Spaces[process.Number], new LinearAddress(address), access, mapping.Protection),
            VirtualEpc virtualEpc =>
                _driver.Fault(virtualEpc, Spaces[process.Number], new LinearAddress(address), mapping.Offset, mapping.Protection),
            _ => VmFault.Sigbus,
        };
    }

    public override long Access(Process process, ulong address, Span<byte> data, bool isWrite)
    {
        Process.PageMapping mapping = process.Pages[address >> 12];
        return _files[mapping.File] is SgxEnclave enclave
            ? _driver.Access(enclave, new LinearAddress(address), data, isWrite, mapping.Protection) : -(long)DriverError.EIO;
    }

    public override void Idle()
    {
        while (_driver.Ksgxd(1))
        {
        }
    }

    public void ForceExits(EpcPage secs) => ForceExits(thread => thread.IsInside(secs));

    public override void Dispose()
    {
    }

    private sealed class Storage : IEnclaveStorage
    {
        public void Place(EpcPage page, ulong offset)
        {
        }

        public void Remove(EpcPage page, ulong offset)
        {
        }
    }

    private sealed class Caller(CloisterSide side, Process process) : ICaller
    {
        public IAddressSpace AddressSpace => side.Spaces[process.Number];

        public bool SignalPending => side.IsSignalPending;

        public bool CopyFromUser(ulong source, Span<byte> destination) => side.User.Read(source, destination);

        public bool CopyToUser(ulong destination, ReadOnlySpan<byte> source) => side.User.Write(destination, source);

        public bool SourceIsMapped(ulong address) => !process.MapsNothingAbove(address);

        // find_vma finds the first mapping that ends above the address.
        public bool SourceMayExecute(ulong address) => address is < UserMemory.End or >= UserMemory.NoExecEnd;

        public bool IsProvisionFile(int descriptor) =>
            side._files.Keys.Any(file => file.Device == "sgx_provision" && World.DescriptorOf(file) == descriptor);
    }
}
