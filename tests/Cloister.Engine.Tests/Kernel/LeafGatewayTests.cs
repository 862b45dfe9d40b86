using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Kernel;
using Cloister.Processor;

namespace Cloister.Engine.Tests.Kernel;

/// <summary>Leaves as the kernel's driver executes them, by addresses of memory that is here the test's.</summary>
public sealed class LeafGatewayTests
{
    private const ulong Epc = 0x7000_0000, Base = 0x10_0000;
    private readonly SgxMachine _machine = new(new MachineOptions { RootKey = new byte[32] }, new ArrayEpcMemory(16));
    private readonly Storage _storage = new();
    private readonly KernelEnclave _enclave;
    private readonly EnclaveBooks _books;
    private readonly LeafGateway _gateway;
    private readonly byte[] _memory = GC.AllocateArray<byte>(4 * 4096, pinned: true);
    private readonly ulong _at;

    public LeafGatewayTests()
    {
        _enclave = new KernelEnclave(1, _storage);
        _books = new EnclaveBooks(_machine) { Current = _enclave };
        _gateway = new LeafGateway(_machine, _books) { Epc = Epc };
        _at = (ulong)Marshal.UnsafeAddrOfPinnedArrayElement(_memory, 0);
    }

    [Fact]
    public void An_enclave_is_known_by_the_leaves_that_build_it()
    {
        Build();
        Assert.True(_enclave is { IsCreated: true, IsInitialized: false, Size: 4 * 4096, ResidentPageCount: 1 });
        Assert.Equal((Base, 0), (_enclave.Base.Value, _enclave.SecsPage.Index));
        Assert.Equal(new EpcPage(1), _enclave.Pages[(Base + 4096) >> 12].Epc);
        Assert.Equal(["place 1 1000"], _storage.Log);
        Assert.Equal((1, 0), (_books.Adds, _books.Augments));
        var pages = new KernelPages(_machine, _enclave);
        EnclavePages row = Assert.Single(pages.Rows(new LinearAddress(Base), new LinearAddress(Base + 0x3fff)));
        Assert.Equal((1, true, Protection.Read | Protection.Write), (row.Count, row.IsResident, row.MaximumProtection));
    }

    [Fact]
    public void A_page_that_a_leaf_does_not_fill_goes_out_of_its_place()
    {
        Build();
        Assert.Equal(0x4000000e, Add(page: 1, offset: 0x2000));
        Assert.NotEqual(0, Add(page: 2, offset: 0x2000, permissions: SecinfoFlags.W));
        Assert.Equal(["place 1 1000", "place 2 2000", "remove 2 2000"], _storage.Log);
        Assert.NotEqual(0, Add(page: 2, offset: 0x9000));
        Assert.Equal(3, _storage.Log.Count);
    }

    [Fact]
    public void A_page_that_is_written_out_leaves_its_place_and_comes_back_elsewhere()
    {
        Build();
        Assert.Equal(0, Leaf(EnclsLeaf.Epa, 3, 3));
        Assert.Equal(0, Leaf(EnclsLeaf.Eblock, 0, 1));
        Assert.Equal(0, Leaf(EnclsLeaf.Etrack, 0, 0));
        Assert.Equal(new EpcPage(0), _gateway.Tracked);
        Info(0, 0);
        Assert.Equal(0, _gateway.Execute((uint)EnclsLeaf.Ewb, _at, Address(1), Address(3), out _));
        Assert.Equal((0, 1, 1, 1), (_enclave.ResidentPageCount, _enclave.PageCount, _books.WrittenOut, _books.Evictions));
        Info(Base + 4096, Address(0));
        Assert.Equal(0, _gateway.Execute((uint)EnclsLeaf.Eldu, _at, Address(5), Address(3), out _));
        Assert.Equal((1, 0, 1), (_enclave.ResidentPageCount, _books.WrittenOut, _books.Loads));
        Assert.Equal(new EpcPage(5), _enclave.Pages[(Base + 4096) >> 12].Epc);
        Assert.Equal(["place 1 1000", "remove 1 1000", "place 5 1000"], _storage.Log);
    }

    [Fact]
    public void What_is_removed_and_what_a_closed_file_still_had_is_nowhere()
    {
        Build();
        Assert.Equal(0, Add(page: 2, offset: 0x2000));
        _books.IsRemoving = true;
        Assert.Equal(0, Leaf(EnclsLeaf.Eremove, 0, 2));
        Assert.Equal((1, 1), (_books.Removals, _enclave.PageCount));
        _books.Closed(_enclave);
        Assert.Equal(["place 1 1000", "place 2 2000", "remove 2 2000", "remove 1 1000"], _storage.Log);
        Assert.Equal((0, 0), (_enclave.PageCount, _books.Resident));
    }

    [Fact]
    public void A_leaf_that_there_is_not_is_a_general_protection_fault()
    {
        Assert.Equal(0x4000000d, Leaf((EnclsLeaf)0x77, 0, 0));
        Assert.Equal(0x4000000e, Leaf(EnclsLeaf.Eremove, 0, 999));
    }

    private static ulong Address(int page) => Epc + (ulong)page * 4096;

    private int Leaf(EnclsLeaf leaf, ulong rbx, int page) => _gateway.Execute((uint)leaf, rbx, Address(page), 0, out _);

    // PAGEINFO: LINADDR, SRCPGE, SECINFO or PCMD, SECS.
    private void Info(ulong address, ulong secs)
    {
        Span<ulong> info = MemoryMarshal.Cast<byte, ulong>(_memory.AsSpan(0, 32));
        (info[0], info[1], info[2], info[3]) = (address, _at + 4096, _at + 8192, secs);
    }

    private void Build()
    {
        var attributes = new Attributes(AttributeFlags.Mode64Bit, Attributes.XfrmLegacy);
        var secs = new Secs { Size = 4 * 4096, BaseAddr = Base, SsaFrameSize = 1, Attributes = attributes };
        MemoryMarshal.Write(_memory.AsSpan(4096), secs);
        Info(0, 0);
        Assert.Equal(0, Leaf(EnclsLeaf.Ecreate, _at, 0));
        Assert.Equal(0, Add(page: 1, offset: 4096));
    }

    private int Add(int page, ulong offset, SecinfoFlags permissions = SecinfoFlags.R | SecinfoFlags.W)
    {
        MemoryMarshal.Write(_memory.AsSpan(8192), new Secinfo(PageType.Reg, permissions));
        Info(Base + offset, Address(0));
        return Leaf(EnclsLeaf.Eadd, _at, page);
    }

    private sealed class Storage : IEnclaveStorage
    {
        public List<string> Log { get; } = [];

        public void Place(EpcPage page, ulong offset) => Log.Add($"place {page.Index} {offset:x}");

        public void Remove(EpcPage page, ulong offset) => Log.Add($"remove {page.Index} {offset:x}");
    }
}
