using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Ioctls;

public class EnclaveRestrictPermTests
{
    private const string Name = "ENCLAVE_RESTRICT_PERMISSIONS";

    private readonly EnclaveImage _image = new();

    [Theory]
    [InlineData(Generation.EdmmV2)]
    [InlineData(Generation.EdmmAugment)]
    [InlineData(Generation.EdmmV3)]
    public void Takes_permissions_away(Generation generation)
    {
        var machine = TestMachine.Of(generation);
        var enclave = machine.Build(_image);
        var parameters = Range(machine, EnclaveImage.HeapPage, 2, SecinfoFlags.R);
        Assert.Equal(0, machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(2 * 4096UL, parameters.Count);
        var page = ((TestStorage)enclave.Storage).Placed[EnclaveImage.HeapPage * 4096UL];
        Assert.Equal(SecinfoFlags.R, machine.Machine.Epcm[page].Permissions);
    }

    [Fact]
    public void In_v_2_a_page_that_lost_write_is_write_protected_by_the_tables_and_in_v_3_by_the_epcm_alone()
    {
        foreach (var generation in new[] { Generation.EdmmV2, Generation.EdmmV3 })
        {
            var machine = TestMachine.Of(generation);
            var enclave = machine.Build(_image);
            machine.Program.Fault(_image.Heap, AccessKind.Read);
            var parameters = Range(machine, EnclaveImage.HeapPage, 1, SecinfoFlags.R);
            Assert.Equal(0, machine.Ioctl(enclave, Name, ref parameters));

            bool follows = generation == Generation.EdmmV2;
            Assert.Equal(follows, !machine.Program.MappedPages.Any());
            Assert.Equal(VmFault.NoPage, machine.Program.Fault(_image.Heap, AccessKind.Write));
            Assert.Equal(!follows, machine.Program.IsWritable(_image.Heap));
            Assert.Equal(follows ? VmFault.Sigbus : VmFault.NoPage, machine.Driver.WriteFault(enclave, _image.Heap));
            Assert.Equal(
                follows ? -(int)DriverError.EACCES : 0,
                machine.Driver.MayMap(enclave, _image.Heap, _image.Heap + 4096, Protection.Write));
        }
    }

    [Theory]
    [InlineData(Generation.EdmmV2, DriverError.EPERM)]
    [InlineData(Generation.EdmmAugment, DriverError.EPERM)]
    [InlineData(Generation.EdmmV3, DriverError.None)]
    public void More_than_the_maximum_is_EPERM_until_v_3(Generation generation, DriverError errno)
    {
        var machine = TestMachine.Of(generation);
        var enclave = machine.Build(_image);
        var parameters = Range(machine, EnclaveImage.HeapPage, 1, SecinfoFlags.R | SecinfoFlags.X);
        Assert.Equal(-(long)errno, machine.Ioctl(enclave, Name, ref parameters));
    }

    [Theory]
    [InlineData(Generation.EdmmV2, SecinfoFlags.None, DriverError.None)]
    [InlineData(Generation.EdmmV2, SecinfoFlags.W, DriverError.EINVAL)]
    [InlineData(Generation.EdmmV3, SecinfoFlags.None, DriverError.EINVAL)]
    [InlineData(Generation.EdmmV3, SecinfoFlags.X, DriverError.EINVAL)]
    [InlineData(Generation.EdmmV3, SecinfoFlags.R | SecinfoFlags.Reg, DriverError.EINVAL)]
    [InlineData(Generation.EdmmV3, SecinfoFlags.R | SecinfoFlags.Pending, DriverError.EINVAL)]
    public void The_SECINFO_has_permissions_only(Generation generation, SecinfoFlags flags, DriverError errno)
    {
        var machine = TestMachine.Of(generation);
        var enclave = machine.Build(_image);
        var parameters = Range(machine, EnclaveImage.HeapPage, 1, flags);
        Assert.Equal(-(long)errno, machine.Ioctl(enclave, Name, ref parameters));
    }

    [Fact]
    public void The_checks_come_in_their_order()
    {
        var machine = TestMachine.Of(Generation.EdmmV3);
        uint command = TestMachine.Command(Name, Generation.EdmmV3);
        Assert.Equal(-(long)DriverError.EINVAL, machine.Ioctl(machine.Create(_image), command, 1));
        var enclave = machine.Build(_image with { Base = 0x6000_0000_0000 });
        Assert.Equal(-(long)DriverError.EFAULT, machine.Ioctl(enclave, command, 1));

        var parameters = new SgxEnclaveRestrictPerm { Offset = 1, Length = 4096, Secinfo = 1, Count = 1 };
        Assert.Equal(-(long)DriverError.EINVAL, machine.Ioctl(enclave, Name, ref parameters));
        parameters.Offset = EnclaveImage.HeapPage * 4096;
        Assert.Equal(-(long)DriverError.EFAULT, machine.Ioctl(enclave, Name, ref parameters));
        parameters.Secinfo = Range(machine, 0, 1, SecinfoFlags.R).Secinfo;
        Assert.Equal(-(long)DriverError.EINVAL, machine.Ioctl(enclave, Name, ref parameters));
        parameters.Count = 0;
        parameters.Result = 1;
        Assert.Equal(-(long)DriverError.EINVAL, machine.Ioctl(enclave, Name, ref parameters));
        parameters.Result = 0;
        Assert.Equal(0, machine.Ioctl(enclave, Name, ref parameters));
    }

    [Fact]
    public void Without_sgx2_it_is_ENODEV()
    {
        var machine = new TestMachine(
            options: new MachineOptions { Sgx2 = false },
            driverOptions: new DriverOptions { Generation = Generation.EdmmV2 });
        Assert.Equal(-(long)DriverError.ENODEV, machine.Ioctl(machine.Open(), TestMachine.Command(Name, Generation.EdmmV2), 1));
    }

    [Fact]
    public void What_EMODPR_refuses_restores_the_tracked_permissions()
    {
        var machine = TestMachine.Of(Generation.EdmmV2);
        var enclave = machine.Build(_image);
        Assert.Equal(VmFault.NoPage, machine.Program.Fault(_image.At(100), AccessKind.Write));
        var parameters = Range(machine, 100, 1, SecinfoFlags.R);
        Assert.Equal(-(long)DriverError.EFAULT, machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal((ulong)SgxError.PageNotModifiable, parameters.Result);
        Assert.Equal(VmFault.NoPage, machine.Driver.WriteFault(enclave, _image.At(100)));
    }

    private static SgxEnclaveRestrictPerm Range(TestMachine machine, int page, int count, SecinfoFlags flags)
    {
        var secinfo = new Secinfo(flags);
        return new SgxEnclaveRestrictPerm
        {
            Offset = (ulong)page * 4096,
            Length = (ulong)count * 4096,
            Secinfo = machine.Program.Allocate(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref secinfo, 1))),
        };
    }
}
