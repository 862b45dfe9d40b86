using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Processor;

namespace Cloister.Driver.Tests;

/// <summary><see cref="Injections"/>, and what the driver makes of them.</summary>
public class InjectionsTests
{
    private const string Add = "SGX_IOC_ENCLAVE_ADD_PAGES", Other = "SGX_IOC_ENCLAVE_INIT";
    private readonly EnclaveImage _image = new();

    private static InjectedFailure Race(long first, long last) => new(InjectedKind.AugmentRace, "", DriverError.None, first, last);

    private static InjectedFailure Ioctl(string name, DriverError error, long first, long last) =>
        new(InjectedKind.Ioctl, name, error, first, last);

    private static TestMachine Machine(params InjectedFailure[] failures) => new(driverOptions: new DriverOptions { Injected = failures });

    [Fact]
    public void It_is_due_at_its_occasions_only()
    {
        var injections = new Injections([Ioctl(Add, DriverError.EAGAIN, 2, 3)]);
        Assert.Null(injections.Ioctl(Other));
        Assert.Equal([false, true, true, false, false], Enumerable.Range(0, 5).Select(_ => injections.Ioctl(Add) is not null));
    }

    [Fact]
    public void Any_counts_all_and_the_first_rule_wins()
    {
        var injections = new Injections(
            [Ioctl(InjectedFailure.AnyIoctl, DriverError.EBUSY, 2, 2), Ioctl(Other, DriverError.EIO, 1, long.MaxValue)]);
        Assert.Null(injections.Ioctl(Add));
        Assert.Equal(DriverError.EBUSY, injections.Ioctl(Other)!.Error);
        Assert.Equal(DriverError.EIO, injections.Ioctl(Other)!.Error);
    }

    [Fact]
    public void The_second_of_two_faults_on_a_new_page_is_SIGBUS_and_the_page_is_there()
    {
        TestMachine machine = Machine(Race(2, 2));
        _ = machine.Build(_image);
        Assert.Equal(VmFault.NoPage, machine.Program.Fault(_image.At(500), AccessKind.Write));
        Assert.Equal(VmFault.Sigbus, machine.Program.Fault(_image.At(501), AccessKind.Write));
        Assert.Equal(2, machine.Statistics.Augments);
        Assert.Contains(machine.Program.MappedPages, page => page.Address == _image.At(501));
        Assert.Equal(VmFault.NoPage, machine.Program.Fault(_image.At(501), AccessKind.Write));
        Assert.Equal(VmFault.NoPage, machine.Program.Fault(_image.At(502), AccessKind.Write));
        machine.AssertInvariants();
    }

    [Fact]
    public void A_page_that_is_there_is_no_race()
    {
        TestMachine machine = Machine(Race(1, long.MaxValue));
        _ = machine.Build(_image);
        Assert.Equal(VmFault.NoPage, machine.Program.Fault(_image.Heap, AccessKind.Read));
    }

    [Fact]
    public void Nothing_is_added_ahead_while_a_race_may_come()
    {
        TestMachine machine = Machine(Race(1, 1));
        SgxEnclave enclave = machine.Build(_image);
        Assert.Equal(0, machine.Driver.PagesToAdd(enclave, _image.At(500), 8));
        Assert.Equal(VmFault.Sigbus, machine.Program.Fault(_image.At(500), AccessKind.Write));
        Assert.Equal(8, machine.Driver.PagesToAdd(enclave, _image.At(501), 8));
    }

    [Fact]
    public void Drivers_before_EDMM_have_no_such_race()
    {
        using var legacy = new LegacyMachineOf(Race(1, long.MaxValue));
        Assert.Equal<VmFault?>(VmFault.Sigbus, legacy.FaultOnNothing());
        Assert.False(legacy.Told);
    }

    [Fact]
    public void An_ioctl_fails_and_does_nothing()
    {
        TestMachine machine = Machine(Ioctl(Add, DriverError.ENOMEM, 1, 1));
        SgxEnclave enclave = machine.Create(_image);
        long pages = machine.Statistics.EpcPagesFree;
        Assert.Equal(-(long)DriverError.ENOMEM, machine.AddPages(enclave, 5, SecinfoFlags.Reg | SecinfoFlags.R, new byte[4096]));
        Assert.Equal(pages, machine.Statistics.EpcPagesFree);
        Assert.Equal(IoctlRule.NotInjected, machine.Driver.Refusal.Rule);
        Assert.Equal(0, machine.AddPages(enclave, 5, SecinfoFlags.Reg | SecinfoFlags.R, new byte[4096]));
    }

    [Theory]
    [InlineData(1, 1, "race=eaug:when=1")]
    [InlineData(2, long.MaxValue, "race=eaug:when=2+")]
    [InlineData(2, 5, "race=eaug:when=2..5")]
    public void It_is_told_as_it_is_written(long first, long last, string text) => Assert.Equal(text, Race(first, last).ToString());

    // A generation whose driver has no EAUG: a fault where no page is.
    private sealed class LegacyMachineOf : IDisposable, IDriverObserver
    {
        private readonly TestMachine _machine;
        private readonly EnclaveImage _image = new();

        public LegacyMachineOf(InjectedFailure failure)
        {
            _machine = new TestMachine(driverOptions: new DriverOptions { Generation = Generation.V5_11, Injected = [failure] });
            _machine.Driver.Observer = this;
            _ = _machine.Build(_image);
        }

        public bool Told { get; private set; }

        public VmFault? FaultOnNothing() => _machine.Program.Fault(_image.At(500), AccessKind.Write);

        public void Injected(InjectedFailure failure) => Told = true;

        public void Dispose() => _machine.Driver.Observer = IDriverObserver.Silent;
    }
}
