using Cloister.Architecture;
using Cloister.Driver.Reclaim;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;
using Cloister.Processor;

namespace Cloister.Driver.Tests;

/// <summary>What Linux from 5.11 on says of enclaves whose EPC was lost: it hears of it from leaves that fault.</summary>
public class PowerLossTests
{
    private readonly EnclaveImage _image = new() { HeapPages = 30 };

    [Fact]
    public void While_it_is_built_calls_are_EIO()
    {
        var machine = new TestMachine();
        var enclave = machine.Create(_image);
        Assert.Equal(0, machine.AddPages(enclave, 0, SecinfoFlags.Reg | SecinfoFlags.R, new byte[4096]));
        LosePower(machine);
        Assert.Equal(-(long)DriverError.EIO, machine.AddPages(enclave, 1, SecinfoFlags.Reg | SecinfoFlags.R, new byte[4096]));
        Assert.Equal(-(long)DriverError.EIO, machine.Initialize(enclave, _image.Sigstruct()));
        Assert.False(enclave.IsInitialized);
        machine.Driver.Release(enclave);
        machine.AssertAllFree();
    }

    [Fact]
    public void After_EINIT_calls_are_EFAULT_and_a_page_that_would_be_added_is_SIGBUS()
    {
        var machine = new TestMachine();
        var enclave = machine.Build(_image);
        var thread = machine.StartThread();
        thread.Enter(_image.Tcs);
        LosePower(machine);
        var restrict = new SgxEnclaveRestrictPermissions
        {
            Offset = EnclaveImage.HeapPage * EnclaveImage.Page,
            Length = EnclaveImage.Page,
            Permissions = (ulong)SecinfoFlags.R,
        };
        Assert.Equal(-(long)DriverError.EFAULT, machine.Ioctl(enclave, "ENCLAVE_RESTRICT_PERMISSIONS", ref restrict));
        Assert.Equal((0UL, 0UL), (restrict.Result, restrict.Count));
        var modify = new SgxEnclaveModifyTypes { Offset = restrict.Offset, Length = restrict.Length, PageType = (ulong)PageType.Trim };
        Assert.Equal(-(long)DriverError.EFAULT, machine.Ioctl(enclave, "ENCLAVE_MODIFY_TYPES", ref modify));
        Assert.Equal(VmFault.Sigbus, machine.Program.Fault(_image.At(EnclaveImage.HeapPage + 100), AccessKind.Read));
        Assert.Equal(-(long)DriverError.EINVAL, machine.Initialize(enclave, _image.Sigstruct()));
        machine.Driver.Release(enclave);
        machine.AssertAllFree();
    }

    [Fact]
    public void A_full_EPC_of_lost_pages_makes_room_for_a_new_enclave()
    {
        // Some pages of the first are in the backing store when power goes, the others are found lost by the reclaimer.
        var machine = new TestMachine(epcPages: 40);
        var lost = machine.Build(_image);
        new PageReclaimer(machine.Driver.State).ReclaimPages(ignoreAge: true);
        Assert.True(machine.Statistics.BackingPages > 0);
        LosePower(machine);
        var next = _image with { Base = 0x6000_0000_0000 };
        var built = machine.Build(next);
        var thread = machine.StartThread();
        thread.Enter(next.Tcs);
        Span<byte> read = [0];
        for (int page = 0; page < next.HeapPages; page++)
        {
            Assert.True(thread.Read(next.At(EnclaveImage.HeapPage + page), read));
            Assert.Equal(page, read[0]);
        }

        // Neither what was written out before nor what was not comes back.
        Assert.Equal(VmFault.Sigbus, machine.Program.Fault(_image.At(EnclaveImage.HeapPage), AccessKind.Read));
        Assert.Equal(VmFault.Sigbus, machine.Program.Fault(_image.At(EnclaveImage.HeapPage + 29), AccessKind.Read));
        thread.Exit();
        machine.Driver.Release(lost);
        machine.Driver.Release(built);
        machine.AssertAllFree();
    }

    [Fact]
    public void A_guests_pages_are_empty()
    {
        var machine = new TestMachine();
        var guest = machine.Driver.OpenVirtualEpc(new TestStorage());
        machine.Program.Map(guest, new LinearAddress(0x5000_0000_0000), 4 * 4096);
        Assert.Equal(VmFault.NoPage, machine.Program.Fault(new LinearAddress(0x5000_0000_0000), AccessKind.Write));
        LosePower(machine);
        using var removal = machine.Driver.Ioctl(guest, TestMachine.Command("VEPC_REMOVE_ALL"), 0, machine.Program);
        Assert.True(removal.Continue(8));
        Assert.Equal(0, removal.Result);
        machine.Driver.Release(guest);
        machine.AssertAllFree();
    }

    private static void LosePower(TestMachine machine)
    {
        machine.Driver.PrepareSuspend();
        foreach (var thread in machine.Threads.Where(thread => thread.Processor.EnclaveMode))
        {
            thread.Interrupt(thread.Processor.Secs);
        }

        machine.Machine.LosePower();
    }
}
