using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Reclaim;

/// <summary>EREMOVE that fails by order: Linux warns and never gives the page to anybody again (sgx_encl_free_epc_page).</summary>
public class LeakedPageTests
{
    private const ulong HeapOffset = EnclaveImage.HeapPage * 4096UL;
    private readonly EnclaveImage _image = new();

    private static TestMachine Machine(int epcPages, params (SgxError Error, long First, long Last)[] orders) =>
        new(epcPages, new MachineOptions
        {
            Injected = [.. orders.Select(order => new InjectedLeaf(EnclsLeaf.Eremove, null, order.Error, order.First, order.Last))],
        });

    [Theory]
    [InlineData(SgxError.ChildPresent)]
    [InlineData(SgxError.EnclaveAct)]
    [InlineData(SgxError.EpcPageConflict)]
    public void A_page_leaks_and_so_does_the_SECS_that_it_holds(SgxError code)
    {
        TestMachine machine = Machine(256, (code, 1, 1));
        SgxEnclave enclave = machine.Build(_image);
        machine.Driver.Release(enclave);
        Assert.Equal(254, machine.Statistics.EpcPagesFree);
        Assert.Equal(2, Enumerable.Range(0, 256).Count(index => machine.Machine.Epcm[new EpcPage(index)].Valid));
        machine.AssertInvariants();
    }

    [Fact]
    public void Nobody_gets_the_page_again()
    {
        TestMachine machine = Machine(64, (SgxError.ChildPresent, 1, long.MaxValue));
        machine.Driver.Release(machine.Build(_image));
        int left = machine.Statistics.EpcPagesFree;
        Assert.InRange(left, 1, 63);

        SgxEnclave second = machine.Build(new EnclaveImage());
        machine.AssertInvariants();
        machine.Driver.Release(second);
        Assert.InRange(machine.Statistics.EpcPagesFree, 0, left - 1);
        machine.AssertInvariants();
    }

    [Fact]
    public void A_page_that_the_program_removes_is_gone_and_another_comes_in_its_place()
    {
        TestMachine machine = Machine(256, (SgxError.EnclaveAct, 1, 1));
        SgxEnclave enclave = machine.Build(_image);
        TestThread thread = machine.StartThread();
        thread.Enter(_image.Tcs);
        var types = new SgxEnclaveModifyTypes { Offset = HeapOffset, Length = 4096, PageType = (ulong)PageType.Trim };
        Assert.Equal(0, machine.Ioctl(enclave, "ENCLAVE_MODIFY_TYPES", ref types));
        Assert.Equal(SgxError.Success, thread.Accept(_image.Heap, SecinfoFlags.Trim | SecinfoFlags.Modified, _image.Data));
        int free = machine.Statistics.EpcPagesFree;

        var range = new SgxEnclaveRemovePages { Offset = HeapOffset, Length = 4096 };
        Assert.Equal(0, machine.Ioctl(enclave, "ENCLAVE_REMOVE_PAGES", ref range));
        Assert.Equal((1, free), (machine.Statistics.Removals, machine.Statistics.EpcPagesFree));
        machine.AssertInvariants();
        Assert.Equal(VmFault.NoPage, machine.Program.Fault(_image.Heap, AccessKind.Write));
        machine.AssertInvariants();

        // All is written out but the SECS, which the page that leaked holds.
        thread.Exit();
        machine.Driver.Carry(new InjectedFailure(InjectedKind.EpcSize, "", DriverError.None, 1, 1) { Pages = 0 });
        Assert.Equal((0, true), (enclave.ResidentPageCount, enclave.Secs.IsResident));
        machine.AssertInvariants();
        machine.Driver.Carry(new InjectedFailure(InjectedKind.EpcSize, "", DriverError.None, 1, 1) { Pages = 256 });
        Assert.Equal(VmFault.NoPage, machine.Program.Fault(_image.Heap, AccessKind.Write));
        machine.Driver.Release(enclave);
        Assert.Equal(254, machine.Statistics.EpcPagesFree);
        machine.AssertInvariants();
    }

    [Fact]
    public void What_holds_no_page_leaks_alone()
    {
        // The last EREMOVE of an enclave that was closed is that of its version array.
        TestMachine plain = Machine(256);
        var counter = new RemovalCounter();
        plain.Machine.Observer = counter;
        plain.Driver.Release(plain.Build(_image));
        Assert.Equal(256, plain.Statistics.EpcPagesFree);

        TestMachine machine = Machine(256, (SgxError.EpcPageConflict, counter.Count, counter.Count));
        machine.Driver.Release(machine.Build(_image));
        Assert.Equal(255, machine.Statistics.EpcPagesFree);
        machine.AssertInvariants();
    }

    [Fact]
    public void A_loss_of_power_brings_no_page_back()
    {
        TestMachine machine = Machine(256, (SgxError.ChildPresent, 1, 1));
        machine.Driver.Release(machine.Build(_image));
        machine.Machine.LosePower();
        Assert.Equal(254, machine.Statistics.EpcPagesFree);
        machine.Driver.Release(machine.Build(new EnclaveImage()));
        Assert.Equal(254, machine.Statistics.EpcPagesFree);
        machine.AssertInvariants();
    }

    private sealed class RemovalCounter : IMachineObserver
    {
        public long Count { get; private set; }

        public void EnclsExecuted(EnclsLeaf leaf, EpcPage page, LinearAddress address, LeafResult result) =>
            Count += leaf == EnclsLeaf.Eremove ? 1 : 0;
    }
}
