using Cloister.Architecture;
using Cloister.Driver.Ioctls.Tables;
using Cloister.Driver.Tests.Harness;
using Cloister.Processor;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Tests.Ioctls;

public class VepcRemoveAllTests
{
    private static readonly LinearAddress Start = new(0x5000_0000_0000);

    private readonly TestMachine _machine = new(epcPages: 8);
    private readonly EnclaveImage _image = new();
    private readonly uint _command = TestMachine.Command("VEPC_REMOVE_ALL");

    [Fact]
    public void Removes_every_page_and_leaves_them_in_place()
    {
        var guest = Guest(3);
        Create(guest, 0);
        Add(guest, 0, guest, 1, 0);
        Add(guest, 0, guest, 2, 1);

        // The SECS comes before its children: the first pass must leave it, and says so.
        Assert.Equal(1, RemoveAll(guest));
        Assert.True(_machine.Machine.Epcm[Page(guest, 0)].Valid);
        Assert.Equal(0, RemoveAll(guest));
        Assert.False(_machine.Machine.Epcm[Page(guest, 0)].Valid);
        Assert.Equal(3, guest.PageCount);
        Assert.Equal(5, _machine.Statistics.EpcPagesFree);
    }

    [Fact]
    public void A_SECS_behind_its_children_goes_in_one_pass()
    {
        var guest = Guest(2);
        Create(guest, 1);
        Add(guest, 1, guest, 0, 0);
        Assert.Equal(0, RemoveAll(guest));
    }

    [Fact]
    public void An_argument_is_EINVAL_and_another_command_ENOTTY()
    {
        var guest = Guest(1);
        Assert.Equal(-(long)DriverError.EINVAL, RemoveAll(guest, 1));
        Assert.Equal(-(long)DriverError.ENOTTY,
            Finish(_machine.Driver.Ioctl(guest, TestMachine.Command("ENCLAVE_CREATE"), 0, _machine.Program)));
        Assert.Null(IoctlTable.Find(Generation.V6_0, IoctlDevice.Enclave, _command));
    }

    [Fact]
    public void It_is_done_in_pieces()
    {
        var guest = Guest(5);
        var operation = _machine.Driver.Ioctl(guest, _command, 0, _machine.Program);
        Assert.False(operation.Continue(2));
        Assert.False(operation.Continue(2));
        Assert.True(operation.Continue(2));
        Assert.Equal(0, operation.Result);
    }

    [Fact]
    public void A_page_fault_puts_a_page_there_that_stays()
    {
        var guest = Guest(8);
        Assert.Equal(0, _machine.Statistics.EpcPagesFree);
        Assert.Equal(0, _machine.Statistics.EpcPagesReclaimable);
        Assert.Equal(VmFault.Sigbus, _machine.Program.Fault(Start + (8 * 4096), AccessKind.Read));
        var page = guest.PageAt(4096);
        Assert.Equal(VmFault.NoPage, _machine.Program.Fault(Start + 4096, AccessKind.Read));
        Assert.Equal(page, guest.PageAt(4096));
        _machine.Driver.Release(guest);
        _machine.AssertAllFree();
    }

    [Fact]
    public void A_private_mapping_is_EINVAL()
    {
        var guest = _machine.Driver.OpenVirtualEpc(new TestStorage());
        Assert.Equal(-(int)DriverError.EINVAL, _machine.Driver.Mmap(guest, isPrivate: true));
    }

    [Fact]
    public void Enclave_pages_make_room_for_a_guest()
    {
        var machine = new TestMachine(epcPages: 16);
        machine.Build(_image);
        var guest = machine.Driver.OpenVirtualEpc(new TestStorage());
        machine.Program.Map(guest, Start, 16 * 4096);
        int given = 0;
        while (machine.Program.Fault(Start + ((ulong)given * 4096), AccessKind.Write) == VmFault.NoPage)
        {
            given++;
        }

        // All but the version array page: SECS and pages of the enclave are written out.
        Assert.Equal(15, given);
        machine.AssertInvariants();
    }

    [Fact]
    public void Release_removes_children_before_their_SECS()
    {
        var guest = Guest(3);
        Create(guest, 0);
        Add(guest, 0, guest, 1, 0);
        _machine.Driver.Release(guest);
        _machine.AssertAllFree();
        _machine.Driver.Release(guest);
        Assert.Throws<ObjectDisposedException>(() => _machine.Driver.Ioctl(guest, _command, 0, _machine.Program));
    }

    [Fact]
    public void A_SECS_with_children_in_another_file_waits_for_that_one()
    {
        var first = Guest(1);
        var second = _machine.Driver.OpenVirtualEpc(new TestStorage());
        var start = Start + (1UL << 32);
        _machine.Program.Map(second, start, 4096);
        _machine.Program.Fault(start, AccessKind.Write);
        Create(first, 0);
        Add(first, 0, second, 0, 0);

        _machine.Driver.Release(first);
        Assert.Equal(6, _machine.Statistics.EpcPagesFree);
        _machine.Driver.Release(second);
        _machine.AssertAllFree();
    }

    [Fact]
    public void A_thread_inside_makes_it_EBUSY()
    {
        var guest = Guest(8);
        Create(guest, 0);
        int next = 1;
        foreach (var (page, flags, contents) in _image.Pages().Take(5))
        {
            var secinfo = new Secinfo(flags);
            Assert.True(Eadd.Execute(_machine.Machine, Page(guest, 0), _image.At(page), in secinfo, contents, Page(guest, next)).IsSuccess);
            Assert.True(Eextend.ExecutePage(_machine.Machine, Page(guest, next)).IsSuccess);
            _machine.Program.InsertPage(_image.At(page), Page(guest, next), Protection.Read | Protection.Write);
            next++;
        }

        var image = _image with { HeapPages = 0 };
        _machine.Machine.LaunchControlHash = Signer.Instance.Mrsigner;
        Assert.True(Einit.Execute(_machine.Machine, image.Sigstruct(), new byte[304], Page(guest, 0)).IsSuccess);
        var mapped = _machine.Driver.OpenVirtualEpc(new TestStorage());
        _machine.Program.Map(mapped, _image.At(0), 8 * 4096);
        var thread = _machine.StartThread();
        thread.Enter(_image.Tcs);
        Assert.Equal(-(long)DriverError.EBUSY, RemoveAll(guest));
        thread.Exit();
        Assert.Equal(1, RemoveAll(guest));
        Assert.Equal(0, RemoveAll(guest));
    }

    [Theory]
    [InlineData(SgxError.ChildPresent, 1)]
    [InlineData(SgxError.EnclaveAct, -(long)DriverError.EBUSY)]
    public void EREMOVE_fails_by_order_and_the_page_goes_at_the_next_try(SgxError code, long result)
    {
        var machine = new TestMachine(8, new MachineOptions { Injected = [new InjectedLeaf(EnclsLeaf.Eremove, null, code, 1, 2)] });
        var guest = machine.Driver.OpenVirtualEpc(new TestStorage());
        machine.Program.Map(guest, Start, 4096);
        Assert.Equal(VmFault.NoPage, machine.Program.Fault(Start, AccessKind.Write));
        Assert.Equal(result, Finish(machine.Driver.Ioctl(guest, _command, 0, machine.Program)));
        machine.Driver.Release(guest);
        machine.AssertAllFree();
    }

    [Fact]
    public void EREMOVE_that_fails_twice_at_the_end_leaves_the_page_to_the_next_end()
    {
        var machine = new TestMachine(8, new MachineOptions
        {
            Injected = [new InjectedLeaf(EnclsLeaf.Eremove, null, SgxError.EnclaveAct, 1, 2)],
        });
        var guest = machine.Driver.OpenVirtualEpc(new TestStorage());
        machine.Program.Map(guest, Start, 4096);
        Assert.Equal(VmFault.NoPage, machine.Program.Fault(Start, AccessKind.Write));
        machine.Driver.Release(guest);
        Assert.Equal(7, machine.Statistics.EpcPagesFree);
        machine.Driver.Release(machine.Driver.OpenVirtualEpc(new TestStorage()));
        machine.AssertAllFree();
    }

    private static long Finish(IoctlOperation operation)
    {
        while (!operation.Continue(1))
        {
        }

        return operation.Result;
    }

    private static EpcPage Page(VirtualEpc guest, int page) => guest.PageAt((ulong)page * 4096);

    private VirtualEpc Guest(int pages)
    {
        var guest = _machine.Driver.OpenVirtualEpc(new TestStorage());
        _machine.Program.Map(guest, Start, 16 * 4096);
        for (int page = 0; page < pages; page++)
        {
            Assert.Equal(VmFault.NoPage, _machine.Program.Fault(Start + ((ulong)page * 4096), AccessKind.Write));
        }

        return guest;
    }

    private long RemoveAll(VirtualEpc guest, ulong argument = 0) =>
        Finish(_machine.Driver.Ioctl(guest, _command, argument, _machine.Program));

    private void Create(VirtualEpc guest, int page) =>
        Assert.True(Ecreate.Execute(_machine.Machine, _image.Secs(), default, Page(guest, page)).IsSuccess);

    private void Add(VirtualEpc owner, int secs, VirtualEpc guest, int page, int enclavePage)
    {
        var secinfo = new Secinfo(SecinfoFlags.Reg | SecinfoFlags.R);
        Assert.True(Eadd.Execute(
            _machine.Machine,
            Page(owner, secs),
            _image.At(enclavePage),
            in secinfo,
            new byte[4096],
            Page(guest, page)).IsSuccess);
    }
}
