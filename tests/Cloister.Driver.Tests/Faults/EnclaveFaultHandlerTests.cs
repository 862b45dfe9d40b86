using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Faults;

public class EnclaveFaultHandlerTests
{
    private readonly TestMachine _machine = new();
    private readonly EnclaveImage _image = new();

    [Fact]
    public void A_page_in_the_EPC_is_installed()
    {
        var enclave = _machine.Build(_image);
        Assert.Equal(VmFault.NoPage, _machine.Program.Fault(_image.Heap + 123, AccessKind.Read));
        var mapped = Assert.Single(_machine.Program.MappedPages);
        Assert.Equal(_image.Heap, mapped.Address);
        Assert.Equal(((TestStorage)enclave.Storage).Placed[EnclaveImage.HeapPage * 4096UL], mapped.Page);
    }

    [Fact]
    public void A_mapping_older_than_the_page_with_more_than_the_page_is_SIGBUS()
    {
        var enclave = _machine.Create(_image);
        Assert.Equal(0, _machine.Program.Map(enclave, _image.At(0), _image.Size, (Protection)7));
        Assert.Equal(0, _machine.AddPages(enclave, 5, SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W, new byte[4096]));
        Assert.Equal(VmFault.Sigbus, _machine.Program.Fault(_image.At(5), AccessKind.Read));
    }

    [Fact]
    public void Where_there_is_no_page_before_init_it_is_SIGBUS()
    {
        var enclave = _machine.Create(_image);
        Assert.Equal(0, _machine.Program.Map(enclave, _image.At(0), _image.Size, Protection.Read));
        Assert.Equal(VmFault.Sigbus, _machine.Program.Fault(_image.At(5), AccessKind.Read));
        _machine.AssertInvariants();
    }

    [Fact]
    public void Where_there_is_no_page_without_sgx2_it_is_SIGBUS()
    {
        var machine = new TestMachine(options: new MachineOptions { Sgx2 = false });
        machine.Build(_image);
        Assert.Equal(VmFault.Sigbus, machine.Program.Fault(_image.At(500), AccessKind.Write));
        machine.AssertInvariants();
    }

    [Fact]
    public void A_page_is_added_by_EACCEPT_first()
    {
        var enclave = _machine.Build(_image);
        var thread = _machine.StartThread();
        thread.Enter(_image.Tcs);
        const SecinfoFlags Pending = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Pending;
        Assert.Equal(SgxError.Success, thread.Accept(_image.At(500), Pending, _image.Data));
        Assert.True(thread.Write(_image.At(500), [42]));
        Assert.Equal(1, _machine.Statistics.Augments);
        Assert.Equal(10, enclave.PageCount);
        _machine.AssertInvariants();
    }

    [Fact]
    public void A_page_is_added_by_access_first_and_the_second_fault_carries_the_sgx_bit()
    {
        _machine.Build(_image);
        var thread = _machine.StartThread();
        thread.Enter(_image.Tcs);
        Assert.False(thread.Write(_image.At(500), [42]));
        Assert.True(((PageFaultErrorCode)thread.LastFault!.Value.ErrorCode).HasFlag(PageFaultErrorCode.Sgx));
        Assert.Equal(1, _machine.Statistics.Augments);

        // In the handler, on the second state save area frame.
        const SecinfoFlags Pending = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Pending;
        Assert.Equal(SgxError.Success, thread.Accept(_image.At(500), Pending, _image.Data));
        Assert.True(thread.Write(_image.At(500), [42]));
    }

    [Fact]
    public void An_access_from_outside_adds_the_page_and_cannot_read_it()
    {
        var enclave = _machine.Build(_image);
        Assert.Equal(VmFault.NoPage, _machine.Program.Fault(_image.At(500), AccessKind.Read));
        var page = ((TestStorage)enclave.Storage).Placed[500 * 4096UL];
        Assert.True(_machine.Machine.Epcm[page].Pending);
    }

    [Fact]
    public void Outside_the_range_of_an_old_mapping_it_is_SIGBUS()
    {
        var enclave = _machine.Create(_image);
        Assert.Equal(0, _machine.Program.Map(enclave, _image.At(2000), 4096, Protection.Read));
        Assert.Equal(0, _machine.Program.Map(enclave, _image.At(0) - 4096, 4096, Protection.Read));
        foreach (var (page, flags, contents) in _image.Pages())
        {
            _machine.AddPages(enclave, page, flags, contents);
        }

        Assert.Equal(0, _machine.Initialize(enclave, _image.Sigstruct()));
        Assert.Equal(VmFault.Sigbus, _machine.Program.Fault(_image.At(2000), AccessKind.Read));
        Assert.Equal(VmFault.Sigbus, _machine.Program.Fault(_image.At(0) - 4096, AccessKind.Read));
        _machine.AssertInvariants();
    }

    [Fact]
    public void With_the_EPC_full_of_guest_pages_it_is_SIGBUS()
    {
        var machine = new TestMachine(epcPages: 16);
        machine.Build(_image);
        var guest = machine.Driver.OpenVirtualEpc(new TestStorage());
        var start = new LinearAddress(0x5000_0000_0000);
        machine.Program.Map(guest, start, 16 * 4096);
        for (ulong page = 0; page < 15; page++)
        {
            Assert.Equal(VmFault.NoPage, machine.Program.Fault(start + (page * 4096), AccessKind.Write));
        }

        Assert.Equal(VmFault.Sigbus, machine.Program.Fault(_image.At(500), AccessKind.Write));
        Assert.Equal(VmFault.Sigbus, machine.Program.Fault(_image.Heap, AccessKind.Write));
        machine.AssertInvariants();
    }

    [Fact]
    public void The_version_array_grows_with_the_pages()
    {
        var machine = new TestMachine(epcPages: 1200);
        var enclave = machine.Build(_image);
        for (int page = 100; page < 700; page++)
        {
            Assert.Equal(VmFault.NoPage, machine.Program.Fault(_image.At(page), AccessKind.Write));
        }

        Assert.Equal(2, enclave.Versions.Pages.Count);
        machine.AssertInvariants();
        machine.Driver.Release(enclave);
        machine.AssertAllFree();
    }

    [Fact]
    public void A_forked_program_faults_the_pages_in_for_itself()
    {
        var enclave = _machine.Build(_image);
        var child = new TestProgram(_machine);
        _machine.Map(enclave, _image, child);
        Assert.Equal(VmFault.NoPage, _machine.Program.Fault(_image.Heap, AccessKind.Read));
        Assert.Equal(VmFault.NoPage, child.Fault(_image.Heap, AccessKind.Read));
        Assert.Equal(_machine.Program.MappedPages, child.MappedPages);
        _machine.Driver.AddressSpaceReleased(child);
        _machine.Driver.AddressSpaceReleased(child);
        _machine.Driver.Release(enclave);
        _machine.AssertAllFree();
    }
}
