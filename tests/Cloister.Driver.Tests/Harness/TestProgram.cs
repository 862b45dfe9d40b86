using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Harness;

/// <summary>
/// One program: ordinary memory in arrays, page tables in a dictionary, mappings of the device in a list. It is what
/// the driver calls back, and what the processor walks.
/// </summary>
internal sealed class TestProgram(TestMachine machine) : ICaller, IAddressSpace, ILinearMemory
{
    private readonly Dictionary<ulong, OrdinaryPage> _ordinary = [];
    private readonly Dictionary<ulong, Entry> _entries = [];
    private readonly List<Mapping> _mappings = [];
    private ulong _nextOrdinary = 0x10000;

    public IAddressSpace AddressSpace => this;

    public bool SignalPending { get; set; }

    /// <summary>Counts down with each question; the signal is pending when it passes zero.</summary>
    public int? SignalAfter { get; set; }

    /// <summary>Descriptors open on /dev/sgx_provision.</summary>
    public HashSet<int> ProvisionFiles { get; } = [];

    /// <summary>Pages mapped at the moment.</summary>
    public IEnumerable<(LinearAddress Address, EpcPage Page)> MappedPages =>
        _entries.Select(entry => (new LinearAddress(entry.Key << 12), entry.Value.Page));

    bool ICaller.SignalPending => SignalPending || (SignalAfter is { } left && (SignalAfter = left - 1) < 0);

    /// <summary>Ordinary memory with these contents, from a page boundary on.</summary>
    public ulong Allocate(ReadOnlySpan<byte> contents, bool mayExecute = true, bool writable = true)
    {
        ulong address = _nextOrdinary;
        int pages = Math.Max(1, (contents.Length + 4095) / 4096);
        for (int page = 0; page < pages; page++)
        {
            var bytes = new byte[4096];
            int start = page * 4096;
            contents[start..Math.Min(contents.Length, start + 4096)].CopyTo(bytes);
            _ordinary[(address >> 12) + (ulong)page] = new OrdinaryPage(bytes, mayExecute, writable);
        }

        _nextOrdinary += ((ulong)pages + 1) << 12;
        return address;
    }

    public void Unmap(ulong address) => _ordinary.Remove(address >> 12);

    /// <summary>mmap of the device; the result of the driver.</summary>
    public int Map(SgxEnclave enclave, LinearAddress start, ulong length, Protection protection)
    {
        int result = machine.Driver.Mmap(enclave, this, start, start + length, protection, isPrivate: false);
        if (result == 0)
        {
            _mappings.Add(new Mapping(start, start + length, protection, enclave, null));
        }

        return result;
    }

    /// <summary>mmap of virtual EPC.</summary>
    public void Map(VirtualEpc virtualEpc, LinearAddress start, ulong length)
    {
        Assert.Equal(0, machine.Driver.Mmap(virtualEpc, isPrivate: false));
        _mappings.Add(new Mapping(start, start + length, Protection.Read | Protection.Write, null, virtualEpc));
    }

    /// <summary>Whether a page is installed for writing.</summary>
    public bool IsWritable(LinearAddress address) => _entries.TryGetValue(address.Value >> 12, out var entry) && entry.Writable;

    /// <summary>munmap of every mapping of a file.</summary>
    public void Forget(object file)
    {
        foreach (var mapping in _mappings.Where(mapping => ReferenceEquals(mapping.Enclave ?? (object?)mapping.VirtualEpc, file)))
        {
            Zap(mapping.Start, mapping.End - mapping.Start);
        }

        _mappings.RemoveAll(mapping => ReferenceEquals(mapping.Enclave ?? (object?)mapping.VirtualEpc, file));
    }

    /// <summary>Makes a page fault where the tables have nothing; null when no mapping allows the access.</summary>
    public VmFault? Fault(LinearAddress address, AccessKind access)
    {
        if (FindMapping(address) is not { } mapping || !mapping.Allows(access))
        {
            return null;
        }

        return mapping.Enclave is { } enclave
            ? machine.Driver.Fault(enclave, this, address, access, mapping.Protection)
            : machine.Driver.Fault(mapping.VirtualEpc!, this, address, address - mapping.Start, mapping.Protection);
    }

    public bool CopyFromUser(ulong source, Span<byte> destination) => Read(new LinearAddress(source), destination);

    public bool CopyToUser(ulong destination, ReadOnlySpan<byte> source) =>
        Write(new LinearAddress(destination), source);

    public bool SourceIsMapped(ulong address) => _ordinary.Keys.Any(page => page >= address >> 12);

    public bool SourceMayExecute(ulong address) =>
        _ordinary[_ordinary.Keys.Where(page => page >= address >> 12).Min()].MayExecute;

    public bool IsProvisionFile(int descriptor) => ProvisionFiles.Contains(descriptor);

    public void InsertPage(LinearAddress address, EpcPage page, Protection entry)
    {
        Assert.True(address.IsPageAligned);
        _entries[address.Value >> 12] = new Entry(page, (entry & Protection.Write) != 0
            && FindMapping(address)?.Allows(AccessKind.Write) != false);
    }

    public void Zap(LinearAddress address, ulong length)
    {
        for (ulong page = address.Value >> 12; page < (address + length).Value >> 12; page++)
        {
            _entries.Remove(page);
        }
    }

    public bool TestAndClearYoung(LinearAddress page)
    {
        if (!_entries.TryGetValue(page.Value >> 12, out var entry) || !entry.Young)
        {
            return false;
        }

        entry.Young = false;
        return true;
    }

    public PageWalk Walk(LinearAddress address, AccessKind access)
    {
        if (_ordinary.ContainsKey(address.Value >> 12))
        {
            return PageWalk.Ordinary;
        }

        if (FindMapping(address) is not { } mapping || !_entries.TryGetValue(address.Value >> 12, out var entry))
        {
            return PageWalk.NotPresent;
        }

        if (!mapping.Allows(access))
        {
            return PageWalk.Denied;
        }

        if (access == AccessKind.Write && !entry.Writable)
        {
            return PageWalk.Denied;
        }

        entry.Young = true;
        return PageWalk.Epc(entry.Page);
    }

    public bool Read(LinearAddress address, Span<byte> destination) =>
        Copy(address.Value, destination.Length, needsWrite: false, (page, offset, done, count) =>
            page.Bytes.AsSpan(offset, count).CopyTo(_scratch.AsSpan(done)))
        && _scratch.AsSpan(0, destination.Length).TryCopyTo(destination);

    public bool Write(LinearAddress address, ReadOnlySpan<byte> source)
    {
        source.CopyTo(_scratch);
        return Copy(address.Value, source.Length, needsWrite: true, (page, offset, done, count) =>
            _scratch.AsSpan(done, count).CopyTo(page.Bytes.AsSpan(offset)));
    }

    private readonly byte[] _scratch = new byte[1 << 18];

    private bool Copy(ulong address, int length, bool needsWrite, Action<OrdinaryPage, int, int, int> transfer)
    {
        for (int done = 0; done < length;)
        {
            ulong at = unchecked(address + (ulong)done);
            if (!_ordinary.TryGetValue(at >> 12, out var page) || (needsWrite && !page.Writable))
            {
                return false;
            }

            int offset = (int)(at & 4095);
            int count = Math.Min(4096 - offset, length - done);
            transfer(page, offset, done, count);
            done += count;
        }

        return true;
    }

    private Mapping? FindMapping(LinearAddress address) =>
        _mappings.LastOrDefault(mapping => mapping.Start <= address && address < mapping.End);

    private sealed record OrdinaryPage(byte[] Bytes, bool MayExecute, bool Writable);

    private sealed class Entry(EpcPage page, bool writable)
    {
        public bool Writable { get; } = writable;

        public EpcPage Page { get; } = page;

        public bool Young { get; set; }
    }

    private sealed record Mapping(
        LinearAddress Start,
        LinearAddress End,
        Protection Protection,
        SgxEnclave? Enclave,
        VirtualEpc? VirtualEpc)
    {
        public bool Allows(AccessKind access) => (Protection & access switch
        {
            AccessKind.Read => Protection.Read,
            AccessKind.Write => Protection.Write,
            _ => Protection.Execute,
        }) != 0;
    }
}
