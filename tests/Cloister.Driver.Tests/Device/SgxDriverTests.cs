using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Tests.Device;

public class SgxDriverTests
{
    private readonly TestMachine _machine = new();
    private readonly EnclaveImage _image = new();

    [Fact]
    public void Release_brings_everything_back_at_any_point_of_life()
    {
        var opened = _machine.Open();
        var created = _machine.Create(_image);
        var added = _machine.Create(_image);
        _machine.AddPages(added, 0, SecinfoFlags.Reg | SecinfoFlags.R, new byte[3 * 4096]);
        var built = _machine.Build(_image);
        Assert.Equal(4, _machine.Statistics.Enclaves);
        foreach (var enclave in new[] { opened, created, added, built })
        {
            _machine.Driver.Release(enclave);
            _machine.Driver.Release(enclave);
            _machine.AssertInvariants();
        }

        Assert.Equal(0, _machine.Statistics.Enclaves);
        _machine.AssertAllFree();
    }

    [Fact]
    public void Each_call_of_ioctl_counts_whatever_comes_of_it()
    {
        long before = _machine.Statistics.Ioctls;
        var enclave = _machine.Create(_image);
        Assert.Equal(before + 1, _machine.Statistics.Ioctls);
        Assert.True(_machine.Driver.Ioctl(enclave, 0xdead, 0, _machine.Program).IsDone);
        Assert.Equal(before + 2, _machine.Statistics.Ioctls);
    }

    [Fact]
    public void Release_with_a_thread_inside_drives_it_out()
    {
        var enclave = _machine.Build(_image);
        var thread = _machine.StartThread();
        thread.Enter(_image.Tcs);
        _machine.Driver.Release(enclave);
        _machine.AssertAllFree();
    }

    [Fact]
    public void Release_in_the_middle_of_an_ioctl_abandons_it()
    {
        var enclave = _machine.Create(_image);
        var secinfo = new Secinfo(SecinfoFlags.Reg | SecinfoFlags.R);
        var parameters = new SgxEnclaveAddPages
        {
            Src = _machine.Program.Allocate(new byte[8 * 4096]),
            Length = 8 * 4096,
            Secinfo = _machine.Program.Allocate(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref secinfo, 1))),
        };
        ulong argument = _machine.Program.Allocate(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref parameters, 1)));
        var operation = _machine.Driver.Ioctl(enclave, TestMachine.Command("ENCLAVE_ADD_PAGES"), argument, _machine.Program);
        Assert.False(operation.Continue(3));
        _machine.Driver.Release(enclave);
        Assert.True(operation.IsDone);
        Assert.True(operation.Continue(1));
        _machine.AssertAllFree();
    }

    [Fact]
    public void An_abandoned_ioctl_lets_the_next_one_in()
    {
        var enclave = _machine.Create(_image);
        var operation = _machine.Driver.Ioctl(enclave, TestMachine.Command("ENCLAVE_INIT"), 1, _machine.Program);
        Assert.Equal(-(long)DriverError.EBUSY, _machine.Ioctl(enclave, 0, 0));
        operation.Dispose();
        operation.Dispose();
        Assert.Equal(-(long)DriverError.ENOTTY, _machine.Ioctl(enclave, 0, 0));
    }

    [Fact]
    public void A_strange_or_released_enclave_is_misuse()
    {
        var other = new TestMachine();
        var strange = other.Open();
        Assert.Throws<ObjectDisposedException>(() => _machine.Ioctl(strange, 0, 0));
        _ = _machine.Open();
        Assert.Throws<ObjectDisposedException>(() => _machine.Ioctl(strange, 0, 0));
        other.Driver.Release(strange);
        Assert.Throws<ObjectDisposedException>(() => other.Driver.MayMap(strange, default, new(4096), Protection.Read));
    }

    [Fact]
    public void A_budget_of_no_page_is_misuse()
    {
        var operation = _machine.Driver.Ioctl(_machine.Open(), TestMachine.Command("ENCLAVE_CREATE"), 1, _machine.Program);
        Assert.Throws<ArgumentOutOfRangeException>(() => operation.Continue(0));
    }

    [Fact]
    public void The_first_user_brings_a_new_cpusvn()
    {
        byte[] newer = [.. Enumerable.Repeat((byte)3, 16)];
        var options = new Processor.MachineOptions { UpdatedCpusvn = newer };
        var machine = new TestMachine(options: options, driverOptions: new DriverOptions { UpdatesSvn = true });
        byte[] before = machine.Machine.Cpusvn.ToArray();
        var open = machine.Open();
        Assert.Equal(DriverError.None, machine.Driver.BeginUse());
        Assert.Equal(before, machine.Machine.Cpusvn.ToArray()); // somebody has the device open
        machine.Driver.Release(open);
        Assert.Equal(DriverError.None, machine.Driver.BeginUse());
        Assert.Equal(newer, machine.Machine.Cpusvn.ToArray());
        Assert.Equal(DriverError.None, machine.Driver.BeginUse()); // SGX_NO_UPDATE is no error

        var older = new TestMachine(options: options);
        Assert.Equal(DriverError.None, older.Driver.BeginUse());
        Assert.Equal(before, older.Machine.Cpusvn.ToArray());
    }
}
