using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Ioctls;

public class EnclaveRestrictPermissionsTests
{
    private const string Name = "ENCLAVE_RESTRICT_PERMISSIONS";

    private readonly TestMachine _machine = new();
    private readonly EnclaveImage _image = new();

    [Fact]
    public void Takes_permissions_away_until_the_enclave_accepts_and_relaxes_them()
    {
        var enclave = _machine.Build(_image);
        var thread = _machine.StartThread();
        thread.Enter(_image.Tcs);
        Assert.True(thread.Write(_image.Heap, [1]));

        var parameters = Range(EnclaveImage.HeapPage, 1, SecinfoFlags.R);
        Assert.Equal(0, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal((0UL, 4096UL), (parameters.Result, parameters.Count));

        Assert.False(thread.Write(_image.Heap, [2]));
        Assert.True(((PageFaultErrorCode)thread.LastFault!.Value.ErrorCode).HasFlag(PageFaultErrorCode.Sgx));
        Assert.Equal(SgxError.Success, thread.Accept(_image.Heap, SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.Pr, _image.Data));
        Assert.Equal(SgxError.Success, thread.Extend(_image.Heap, SecinfoFlags.R | SecinfoFlags.W, _image.Data));
        Assert.True(thread.Write(_image.Heap, [3]));
        _machine.AssertInvariants();
    }

    [Fact]
    public void Every_thread_is_driven_out_for_each_page()
    {
        var enclave = _machine.Build(_image);
        var thread = _machine.StartThread();
        thread.Enter(_image.Tcs);
        long before = _machine.Statistics.ForcedExits;
        var parameters = Range(EnclaveImage.HeapPage, 3, SecinfoFlags.R);
        Assert.Equal(0, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(before + 3, _machine.Statistics.ForcedExits);
        Assert.False(thread.Processor.EnclaveMode);
        Assert.NotNull(thread.Interrupted);
        thread.Resume();
        Assert.True(thread.Processor.EnclaveMode);
    }

    [Fact]
    public void Without_sgx2_it_is_ENODEV()
    {
        // Before anything else, even on an enclave that is not created.
        var machine = new TestMachine(options: new MachineOptions { Sgx2 = false });
        Assert.Equal(-(long)DriverError.ENODEV, machine.Ioctl(machine.Open(), TestMachine.Command(Name), 1));
    }

    [Fact]
    public void Before_init_it_is_EINVAL() =>
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(_machine.Create(_image), TestMachine.Command(Name), 1));

    [Fact]
    public void A_wild_argument_is_EFAULT() =>
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl(_machine.Build(_image), TestMachine.Command(Name), 1));

    [Theory]
    [InlineData(1UL, 4096UL, 1UL, 0UL, 0UL)]
    [InlineData(0UL, 0UL, 1UL, 0UL, 0UL)]
    [InlineData(0UL, 1UL, 1UL, 0UL, 0UL)]
    [InlineData(1024 * 4096UL, 4096UL, 1UL, 0UL, 0UL)]
    [InlineData(0UL, 4096UL, 8UL, 0UL, 0UL)]
    [InlineData(0UL, 4096UL, 0x8000_0000_0000_0001UL, 0UL, 0UL)]
    [InlineData(0UL, 4096UL, 2UL, 0UL, 0UL)]
    [InlineData(0UL, 4096UL, 6UL, 0UL, 0UL)]
    [InlineData(0UL, 4096UL, 1UL, 1UL, 0UL)]
    [InlineData(0UL, 4096UL, 1UL, 0UL, 1UL)]
    public void Bad_parameters_are_EINVAL_and_do_not_come_back(ulong offset, ulong length, ulong permissions, ulong result, ulong count)
    {
        var enclave = _machine.Build(_image);
        var parameters = new SgxEnclaveRestrictPermissions
        {
            Offset = offset,
            Length = length,
            Permissions = permissions,
            Result = result,
            Count = count,
        };
        var before = parameters;
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(before, parameters);
    }

    [Fact]
    public void A_page_that_is_not_there_is_EFAULT_and_the_count_says_how_far_it_got()
    {
        var enclave = _machine.Build(_image);
        var parameters = Range(EnclaveImage.HeapPage + _image.HeapPages - 1, 3, SecinfoFlags.R);
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(4096UL, parameters.Count);
    }

    [Fact]
    public void A_TCS_is_EINVAL()
    {
        var enclave = _machine.Build(_image);
        var parameters = Range(EnclaveImage.TcsPage, 1, SecinfoFlags.R);
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(0UL, parameters.Count);
    }

    [Fact]
    public void A_pending_page_is_EFAULT_with_the_code_in_result()
    {
        var enclave = _machine.Build(_image);
        Assert.Equal(VmFault.NoPage, _machine.Program.Fault(_image.At(100), AccessKind.Write));
        var parameters = Range(100, 1, SecinfoFlags.R);
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal((ulong)SgxError.PageNotModifiable, parameters.Result);
        Assert.Equal(0UL, parameters.Count);
    }

    [Fact]
    public void A_long_range_is_done_in_pieces_and_a_signal_does_not_end_it()
    {
        var image = _image with { HeapPages = 20 };
        var enclave = _machine.Build(image);
        var parameters = Range(EnclaveImage.HeapPage, 20, SecinfoFlags.R);
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes(
            System.Runtime.InteropServices.MemoryMarshal.CreateSpan(ref parameters, 1));
        ulong argument = _machine.Program.Allocate(bytes);
        var operation = _machine.Driver.Ioctl(enclave, TestMachine.Command(Name), argument, _machine.Program);
        int steps = 1;
        while (!operation.Continue(3))
        {
            operation.Interrupt();
            Assert.Equal(-(long)DriverError.EBUSY, _machine.Ioctl(enclave, TestMachine.Command(Name), argument));
            steps++;
        }

        Assert.Equal(0, operation.Result);
        Assert.InRange(steps, 7, 8);
        Assert.True(_machine.Program.CopyFromUser(argument, bytes));
        Assert.Equal(20 * 4096UL, parameters.Count);
    }

    [Fact]
    public void Pages_that_were_written_out_are_loaded_for_it()
    {
        var machine = new TestMachine(epcPages: 40);
        var image = _image with { HeapPages = 80 };
        var enclave = machine.Build(image);
        var parameters = Range(EnclaveImage.HeapPage, 80, SecinfoFlags.R);
        Assert.Equal(0, machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(80 * 4096UL, parameters.Count);
        Assert.True(machine.Statistics.Loads > 0);
        machine.AssertInvariants();
    }

    private static SgxEnclaveRestrictPermissions Range(int page, int count, SecinfoFlags permissions) => new()
    {
        Offset = (ulong)page * 4096,
        Length = (ulong)count * 4096,
        Permissions = (ulong)permissions,
    };
}
