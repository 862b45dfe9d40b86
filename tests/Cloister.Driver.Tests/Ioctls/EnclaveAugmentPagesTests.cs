using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Ioctls;

public class EnclaveAugmentPagesTests
{
    private const string Name = "ENCLAVE_AUGMENT_PAGES";
    private const SecinfoFlags Pending = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Pending;

    private readonly TestMachine _machine = TestMachine.Of(Generation.EdmmAugment);
    private readonly EnclaveImage _image = new();

    [Fact]
    public void Adds_pages_that_the_enclave_accepts_without_a_fault()
    {
        var enclave = _machine.Build(_image);
        var thread = _machine.StartThread();
        var parameters = Range(100, 8);
        Assert.Equal(0, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(8 * 4096UL, parameters.Count);
        Assert.Equal(8, _machine.Statistics.Augments);
        thread.Enter(_image.Tcs);
        for (int page = 100; page < 108; page++)
        {
            Assert.Equal(SgxError.Success, thread.Accept(_image.At(page), Pending, _image.Data));
            Assert.True(thread.Write(_image.At(page), [1]));
        }

        Assert.Equal(8, _machine.Statistics.Augments);
        _machine.AssertInvariants();
    }

    [Fact]
    public void The_pages_may_have_everything()
    {
        var enclave = _machine.Build(_image);
        var parameters = Range(100, 1);
        Assert.Equal(0, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(0, _machine.Driver.MayMap(enclave, _image.At(100), _image.At(101), (Protection)7));
    }

    [Fact]
    public void Before_init_it_is_EINVAL() =>
        Assert.Equal(-(long)DriverError.EINVAL,
            _machine.Ioctl(_machine.Create(_image), TestMachine.Command(Name, Generation.EdmmAugment), 1));

    [Fact]
    public void A_wild_argument_is_EFAULT_and_a_bad_range_EINVAL()
    {
        var enclave = _machine.Build(_image);
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl(enclave, TestMachine.Command(Name, Generation.EdmmAugment), 1));
        foreach (var bad in new[] { Range(1024, 1), Range(1023, 2), Range(1, 0) })
        {
            var parameters = bad;
            Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(enclave, Name, ref parameters));
        }
    }

    [Fact]
    public void A_page_that_is_there_is_EBUSY_and_the_count_says_how_far_it_got()
    {
        var enclave = _machine.Build(_image);
        var parameters = Range(102, 1);
        Assert.Equal(0, _machine.Ioctl(enclave, Name, ref parameters));
        parameters = Range(100, 4);
        Assert.Equal(-(long)DriverError.EBUSY, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(2 * 4096UL, parameters.Count);
        _machine.AssertInvariants();
    }

    [Fact]
    public void A_signal_ends_it_between_two_pages()
    {
        var enclave = _machine.Build(_image);
        _machine.Program.SignalAfter = 3;
        var parameters = Range(100, 8);
        Assert.Equal(0, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(3 * 4096UL, parameters.Count);
        parameters = Range(200, 8);
        Assert.Equal(-(long)DriverError.ERESTARTSYS, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(0UL, parameters.Count);
    }

    [Fact]
    public void Without_sgx2_EAUG_faults_and_it_is_EIO()
    {
        var machine = new TestMachine(
            options: new MachineOptions { Sgx2 = false },
            driverOptions: new DriverOptions { Generation = Generation.EdmmAugment });
        var enclave = machine.Build(_image);
        var parameters = Range(100, 1);
        Assert.Equal(-(long)DriverError.EIO, machine.Ioctl(enclave, Name, ref parameters));
        machine.AssertInvariants();
    }

    [Fact]
    public void More_pages_than_the_EPC_has_are_reclaimed_on_the_way()
    {
        var machine = TestMachine.Of(Generation.EdmmAugment, epcPages: 24);
        var enclave = machine.Build(_image);
        var parameters = Range(100, 300);
        Assert.Equal(0, machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(309, enclave.PageCount);
        machine.AssertInvariants();
        machine.Driver.Release(enclave);
        machine.AssertAllFree();
    }

    private static SgxEnclaveAugmentPages Range(int page, int count) =>
        new() { Offset = (ulong)page * 4096, Length = (ulong)count * 4096 };
}
