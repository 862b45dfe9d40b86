using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Tests.Ioctls;

public class EnclaveModtTests
{
    private const string Name = "ENCLAVE_MODIFY_TYPE";

    private readonly EnclaveImage _image = new();

    [Theory]
    [InlineData(Generation.EdmmV2)]
    [InlineData(Generation.EdmmAugment)]
    [InlineData(Generation.EdmmV3)]
    public void Trims_and_removes_a_page(Generation generation)
    {
        var machine = TestMachine.Of(generation);
        var enclave = machine.Build(_image);
        var thread = machine.StartThread();
        thread.Enter(_image.Tcs);
        var parameters = Range(machine, EnclaveImage.HeapPage, SecinfoFlags.Trim);
        Assert.Equal(0, machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(SgxError.Success, thread.Accept(_image.Heap, SecinfoFlags.Trim | SecinfoFlags.Modified, _image.Data));
        var remove = new SgxEnclaveRemovePages { Offset = EnclaveImage.HeapPage * 4096, Length = 4096 };
        Assert.Equal(0, machine.Ioctl(enclave, "ENCLAVE_REMOVE_PAGES", ref remove));
        Assert.Equal(8, enclave.PageCount);
        machine.AssertInvariants();
    }

    [Theory]
    [InlineData(SecinfoFlags.Trim | SecinfoFlags.R)]
    [InlineData(SecinfoFlags.Tcs | SecinfoFlags.Modified)]
    [InlineData(SecinfoFlags.Reg)]
    [InlineData(SecinfoFlags.Va)]
    [InlineData(SecinfoFlags.None)]
    public void The_SECINFO_has_TCS_or_TRIM_and_nothing_else(SecinfoFlags flags)
    {
        var machine = TestMachine.Of(Generation.EdmmV3);
        var parameters = Range(machine, EnclaveImage.HeapPage, flags);
        Assert.Equal(-(long)DriverError.EINVAL, machine.Ioctl(machine.Build(_image), Name, ref parameters));
    }

    [Fact]
    public void A_reserved_byte_of_the_SECINFO_is_EINVAL()
    {
        var machine = TestMachine.Of(Generation.EdmmV3);
        var parameters = Range(machine, EnclaveImage.HeapPage, SecinfoFlags.Trim);
        Assert.True(machine.Program.CopyToUser(parameters.Secinfo + 63, [1]));
        Assert.Equal(-(long)DriverError.EINVAL, machine.Ioctl(machine.Build(_image), Name, ref parameters));
    }

    [Fact]
    public void The_checks_come_in_their_order()
    {
        var machine = TestMachine.Of(Generation.EdmmV2);
        uint command = TestMachine.Command(Name, Generation.EdmmV2);
        Assert.Equal(-(long)DriverError.EINVAL, machine.Ioctl(machine.Create(_image), command, 1));
        var enclave = machine.Build(_image with { Base = 0x6000_0000_0000 });
        Assert.Equal(-(long)DriverError.EFAULT, machine.Ioctl(enclave, command, 1));
        var parameters = new SgxEnclaveModt { Offset = 1, Length = 4096, Secinfo = 1, Result = 1 };
        Assert.Equal(-(long)DriverError.EINVAL, machine.Ioctl(enclave, Name, ref parameters));
        parameters.Offset = EnclaveImage.HeapPage * 4096;
        Assert.Equal(-(long)DriverError.EFAULT, machine.Ioctl(enclave, Name, ref parameters));
        parameters.Secinfo = Range(machine, 0, SecinfoFlags.Trim).Secinfo;
        Assert.Equal(-(long)DriverError.EINVAL, machine.Ioctl(enclave, Name, ref parameters));
        parameters.Result = 0;
        Assert.Equal(0, machine.Ioctl(enclave, Name, ref parameters));
    }

    private static SgxEnclaveModt Range(TestMachine machine, int page, SecinfoFlags flags)
    {
        var secinfo = new Secinfo(flags);
        return new SgxEnclaveModt
        {
            Offset = (ulong)page * 4096,
            Length = 4096,
            Secinfo = machine.Program.Allocate(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref secinfo, 1))),
        };
    }
}
