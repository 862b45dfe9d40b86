using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Processor;

namespace Cloister.Driver.Tests;

/// <summary>What happens to the EPC at a moment, by order: <see cref="IDriverOrders"/>.</summary>
public class OrdersTests
{
    private readonly EnclaveImage _image = new();
    private readonly List<InjectedFailure> _told = [];

    private static InjectedFailure Size(int pages, InjectedMoment moment, long first = 1, long last = 0) =>
        new(InjectedKind.EpcSize, "", DriverError.None, first, Math.Max(first, last)) { Pages = pages, Moment = moment };

    private InjectedFailure Evict(int page, InjectedMoment moment, long first = 1, long last = 0, ulong enclave = 0) =>
        new(InjectedKind.PageEviction, "", DriverError.None, first, Math.Max(first, last))
        {
            Offset = _image.At(page) - _image.At(0),
            Moment = moment,
            Enclave = enclave,
        };

    private TestMachine Machine(params InjectedFailure[] failures)
    {
        var machine = new TestMachine(driverOptions: new DriverOptions { Injected = failures });
        machine.Driver.Observer = new Listener(_told);
        return machine;
    }

    private VmFault? Fault(TestMachine machine, int page) => machine.Program.Fault(_image.At(page), AccessKind.Write);

    [Fact]
    public void A_page_is_written_out_before_its_fault_and_comes_back()
    {
        TestMachine machine = Machine(Evict(EnclaveImage.DataPage, InjectedMoment.Fault, 2));
        SgxEnclave enclave = machine.Build(_image);
        Assert.Equal<VmFault?>(VmFault.NoPage, Fault(machine, 500));
        Assert.Equal(0, machine.Statistics.Evictions);
        Assert.Equal<VmFault?>(VmFault.NoPage, Fault(machine, 501));
        Assert.Equal(1, machine.Statistics.Evictions);
        Assert.True(machine.Driver.EpcPageAt(enclave, _image.At(EnclaveImage.DataPage)).IsNone);
        Assert.False(Assert.Single(_told).HasMissed);
        machine.AssertInvariants();

        Assert.Equal<VmFault?>(VmFault.NoPage, Fault(machine, EnclaveImage.DataPage));
        Assert.Equal((1, 1), (machine.Statistics.Evictions, machine.Statistics.Loads));
        machine.AssertInvariants();
    }

    [Fact]
    public void The_page_is_written_out_that_the_fault_is_about()
    {
        TestMachine machine = Machine(Evict(EnclaveImage.DataPage, InjectedMoment.Fault));
        _ = machine.Build(_image);
        Assert.Equal<VmFault?>(VmFault.NoPage, Fault(machine, EnclaveImage.DataPage));
        Assert.Equal((1, 1), (machine.Statistics.Evictions, machine.Statistics.Loads));
        machine.AssertInvariants();
    }

    [Fact]
    public void A_page_that_is_not_there_is_missed()
    {
        TestMachine machine = Machine(
            Evict(700, InjectedMoment.Fault, 1, 2), Evict(EnclaveImage.DataPage, InjectedMoment.Fault, enclave: 99));
        _ = machine.Build(_image);
        _ = Fault(machine, 500);
        _ = Fault(machine, 501);
        Assert.Equal([true, true, true], _told.Select(one => one.HasMissed));
        Assert.Equal(0, machine.Statistics.Evictions);
    }

    [Fact]
    public void Behind_the_last_page_there_is_none()
    {
        TestMachine machine = Machine(Evict(0, InjectedMoment.Fault) with { Offset = ulong.MaxValue & ~0xfffUL },
            Evict(0, InjectedMoment.Fault) with { Address = 0x1000 });
        _ = machine.Build(_image);
        _ = Fault(machine, 500);
        Assert.Equal([true, true], _told.Select(one => one.HasMissed));
    }

    [Fact]
    public void By_its_address_it_is_the_same_page()
    {
        TestMachine machine = Machine(Evict(0, InjectedMoment.Fault) with { Address = _image.At(EnclaveImage.DataPage).Value });
        SgxEnclave enclave = machine.Build(_image);
        _ = Fault(machine, 500);
        Assert.True(machine.Driver.EpcPageAt(enclave, _image.At(EnclaveImage.DataPage)).IsNone);
    }

    [Fact]
    public void Entries_are_counted_until_the_last_order()
    {
        TestMachine machine = Machine(Evict(EnclaveImage.DataPage, InjectedMoment.Entry, 2));
        _ = machine.Build(_image);
        Assert.True(machine.Driver.CountEntries);
        machine.Driver.Entering();
        Assert.Empty(_told);
        machine.Driver.Entering();
        Assert.Equal(1, machine.Statistics.Evictions);
        Assert.False(machine.Driver.CountEntries);
        Assert.False(new TestMachine().Driver.CountEntries);
    }

    [Fact]
    public void An_EPC_that_shrinks_writes_out_what_is_beyond()
    {
        TestMachine machine = Machine();
        _ = machine.Build(_image with { HeapPages = 40 });
        Assert.True(Used(machine) > 40);
        machine.Driver.Carry(Size(20, InjectedMoment.Time));
        Assert.InRange(Used(machine), 5, 20);
        Assert.InRange(machine.Statistics.Evictions, 27, 32); // whole batches
        machine.AssertInvariants();

        // And the program gets on in it.
        for (int page = 500; page < 600; page++)
        {
            Assert.Equal<VmFault?>(VmFault.NoPage, Fault(machine, page));
            Assert.True(Used(machine) <= 20);
        }

        machine.AssertInvariants();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Below_what_cannot_be_written_out_there_is_no_page_for_anybody(int pages)
    {
        TestMachine machine = Machine();
        SgxEnclave enclave = machine.Build(_image);
        machine.Driver.Carry(Size(pages, InjectedMoment.Time));

        // The array of versions, at least.
        Assert.Equal(0, machine.Statistics.EpcPagesReclaimable);
        Assert.Equal(1, Used(machine));
        Assert.Equal<VmFault?>(VmFault.Sigbus, Fault(machine, EnclaveImage.DataPage));
        Assert.Equal<VmFault?>(VmFault.Sigbus, Fault(machine, 500));
        SgxEnclave other = machine.Open();
        Assert.Equal(-(long)DriverError.ENOMEM, machine.TryCreate(other, _image.Secs()));

        // Given back, all is as before.
        machine.Driver.Carry(Size(machine.Statistics.EpcPagesTotal, InjectedMoment.Time));
        Assert.Equal<VmFault?>(VmFault.NoPage, Fault(machine, EnclaveImage.DataPage));
        machine.AssertInvariants();
        machine.Driver.Release(enclave);
        machine.Driver.Release(other);
        machine.AssertAllFree();
    }

    [Fact]
    public void Pages_that_come_back_are_not_had_until_the_EPC_has_room()
    {
        TestMachine machine = Machine();
        SgxEnclave enclave = machine.Build(_image);
        machine.Driver.Carry(Size(12, InjectedMoment.Time));
        machine.Driver.Release(enclave);
        Assert.Equal(12, machine.Statistics.EpcPagesFree);
        machine.Driver.Carry(Size(5_000_000, InjectedMoment.Time));
        machine.AssertAllFree();
    }

    [Fact]
    public void Before_the_ioctl_it_is_done_and_the_ioctl_is_made()
    {
        TestMachine machine = Machine(Size(0, InjectedMoment.Ioctl, 2));
        SgxEnclave enclave = machine.Create(_image);
        Assert.Equal(-(long)DriverError.ENOMEM, machine.AddPages(enclave, 5, SecinfoFlags.Reg | SecinfoFlags.R, new byte[4096]));
        Assert.Single(_told);
        Assert.NotEqual(IoctlRule.NotInjected, machine.Driver.Refusal.Rule);
    }

    [Fact]
    public void A_bit_that_has_changed_spoils_the_page()
    {
        var flip = new InjectedFailure(InjectedKind.FlippedBit, "", DriverError.None, 1, 1) { Bit = 32767 };
        TestMachine machine = Machine(
            flip, Evict(EnclaveImage.DataPage, InjectedMoment.Fault), Evict(EnclaveImage.HeapPage, InjectedMoment.Fault));
        _ = machine.Build(_image);
        _ = Fault(machine, 500);
        Assert.Equal<VmFault?>(VmFault.Sigbus, Fault(machine, EnclaveImage.DataPage));
        Assert.Equal<VmFault?>(VmFault.Sigbus, Fault(machine, EnclaveImage.DataPage));
        Assert.Equal<VmFault?>(VmFault.NoPage, Fault(machine, EnclaveImage.HeapPage));
        Assert.Equal(1, _told.Count(one => one.Kind == InjectedKind.FlippedBit));
    }

    [Fact]
    public void No_page_is_added_ahead_while_faults_are_counted()
    {
        TestMachine machine = Machine(Evict(EnclaveImage.DataPage, InjectedMoment.Fault));
        SgxEnclave enclave = machine.Build(_image);
        Assert.Equal(0, machine.Driver.PagesToAdd(enclave, _image.At(500), 8));
        _ = Fault(machine, 500);
        Assert.Equal(8, machine.Driver.PagesToAdd(enclave, _image.At(501), 8));
    }

    [Fact]
    public void What_waits_for_no_moment_is_refused() => Assert.Throws<ArgumentException>(() => Machine().Driver.Carry(
        new InjectedFailure(InjectedKind.Ioctl, "any", DriverError.EIO, 1, 1)));

    [Theory]
    [InlineData("epc=64:time=1.5", InjectedMoment.Time)]
    [InlineData("epc=64:entry=1", InjectedMoment.Entry)]
    [InlineData("epc=64:ioctl=1", InjectedMoment.Ioctl)]
    [InlineData("epc=64:fault=1", InjectedMoment.Fault)]
    public void It_is_told_as_it_is_written(string text, InjectedMoment moment) =>
        Assert.Equal(text, (Size(64, moment) with { Seconds = 1.5 }).ToString());

    private static int Used(TestMachine machine) => machine.Driver.State.Pool.LimitCount - machine.Statistics.EpcPagesFree
        + machine.Driver.State.Pool.ExcessCount;

    private sealed class Listener(List<InjectedFailure> told) : IDriverObserver
    {
        public void Injected(InjectedFailure failure) => told.Add(failure);
    }
}
