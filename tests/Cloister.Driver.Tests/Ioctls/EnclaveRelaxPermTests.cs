using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Ioctls;

public class EnclaveRelaxPermTests
{
    private const string Name = "ENCLAVE_RELAX_PERMISSIONS";

    private readonly TestMachine _machine = TestMachine.Of(Generation.EdmmV2);
    private readonly EnclaveImage _image = new();

    [Fact]
    public void After_EMODPE_the_tables_follow_again()
    {
        // (RW) => R => RW of V2 16/32.
        var enclave = _machine.Build(_image);
        var thread = _machine.StartThread();
        thread.Enter(_image.Tcs);
        var restrict = new SgxEnclaveRestrictPerm
        {
            Offset = EnclaveImage.HeapPage * 4096,
            Length = 4096,
            Secinfo = SecinfoOf(SecinfoFlags.R),
        };
        Assert.Equal(0, _machine.Ioctl(enclave, "ENCLAVE_RESTRICT_PERMISSIONS", ref restrict));
        Assert.Equal(SgxError.Success, thread.Accept(_image.Heap, SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.Pr, _image.Data));
        Assert.Equal(SgxError.Success, thread.Extend(_image.Heap, SecinfoFlags.R | SecinfoFlags.W, _image.Data));
        Assert.Equal(VmFault.Sigbus, _machine.Driver.WriteFault(enclave, _image.Heap));

        var relax = Range(EnclaveImage.HeapPage, 1, SecinfoFlags.R | SecinfoFlags.W);
        Assert.Equal(0, _machine.Ioctl(enclave, Name, ref relax));
        Assert.Equal(4096UL, relax.Count);
        Assert.DoesNotContain(_machine.Program.MappedPages, mapped => mapped.Address == _image.Heap);
        Assert.True(thread.Write(_image.Heap, [1]));
        Assert.True(_machine.Program.IsWritable(_image.Heap));
    }

    [Fact]
    public void More_than_the_maximum_is_EPERM()
    {
        var enclave = _machine.Build(_image);
        var parameters = Range(EnclaveImage.HeapPage, 1, SecinfoFlags.R | SecinfoFlags.X);
        Assert.Equal(-(long)DriverError.EPERM, _machine.Ioctl(enclave, Name, ref parameters));

        // A page added at run time has a maximum of RW, without a policy.
        Assert.Equal(VmFault.NoPage, _machine.Program.Fault(_image.At(100), AccessKind.Write));
        parameters = Range(100, 1, SecinfoFlags.R | SecinfoFlags.X);
        Assert.Equal(-(long)DriverError.EPERM, _machine.Ioctl(enclave, Name, ref parameters));
    }

    [Fact]
    public void A_page_that_is_not_there_is_EFAULT_and_a_TCS_EINVAL()
    {
        var enclave = _machine.Build(_image);
        var parameters = Range(EnclaveImage.HeapPage + _image.HeapPages - 1, 2, SecinfoFlags.R);
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(4096UL, parameters.Count);
        parameters = Range(0, 1, SecinfoFlags.R);
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(enclave, Name, ref parameters));
    }

    [Fact]
    public void The_page_may_stay_written_out_and_nobody_is_driven_out()
    {
        var machine = TestMachine.Of(Generation.EdmmV2, epcPages: 40);
        var enclave = machine.Build(_image with { HeapPages = 80 });
        var before = machine.Statistics;
        var parameters = Range(EnclaveImage.HeapPage, 80, SecinfoFlags.R, machine);
        Assert.Equal(0, machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal((before.Loads, before.ForcedExits), (machine.Statistics.Loads, machine.Statistics.ForcedExits));
    }

    [Fact]
    public void The_checks_come_in_their_order()
    {
        uint command = TestMachine.Command(Name, Generation.EdmmV2);
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(_machine.Create(_image), command, 1));
        var enclave = _machine.Build(_image with { Base = 0x6000_0000_0000 });
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl(enclave, command, 1));
        var parameters = new SgxEnclaveRelaxPerm { Offset = 1, Length = 4096, Secinfo = 1, Count = 1 };
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(enclave, Name, ref parameters));
        parameters.Offset = 0;
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl(enclave, Name, ref parameters));
        parameters.Secinfo = SecinfoOf(SecinfoFlags.W);
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(enclave, Name, ref parameters));
        parameters.Secinfo = SecinfoOf(SecinfoFlags.R);
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(enclave, Name, ref parameters));
        parameters.Count = 0;
        parameters.Offset = EnclaveImage.HeapPage * 4096;
        Assert.Equal(0, _machine.Ioctl(enclave, Name, ref parameters));
    }

    private ulong SecinfoOf(SecinfoFlags flags, TestMachine? machine = null)
    {
        var secinfo = new Secinfo(flags);
        return (machine ?? _machine).Program.Allocate(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref secinfo, 1)));
    }

    private SgxEnclaveRelaxPerm Range(int page, int count, SecinfoFlags flags, TestMachine? machine = null) => new()
    {
        Offset = (ulong)page * 4096,
        Length = (ulong)count * 4096,
        Secinfo = SecinfoOf(flags, machine),
    };
}
