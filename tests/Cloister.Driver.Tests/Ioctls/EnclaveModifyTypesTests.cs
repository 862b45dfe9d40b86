using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Ioctls;

public class EnclaveModifyTypesTests
{
    private const string Name = "ENCLAVE_MODIFY_TYPES";

    private readonly TestMachine _machine = new();
    private readonly EnclaveImage _image = new();

    [Fact]
    public void A_regular_page_becomes_a_TCS_that_a_thread_enters()
    {
        var enclave = _machine.Build(_image);
        var thread = _machine.StartThread();
        thread.Enter(_image.Tcs);

        // The enclave writes the new TCS itself: frames and entry as those of the first.
        byte[] tcs = new byte[72];
        tcs[17] = 0x10;
        tcs[28] = 1;
        tcs[33] = 0x30;
        tcs.AsSpan(64, 8).Fill(0xff);
        Assert.True(thread.Write(_image.Heap, new byte[4096]));
        Assert.True(thread.Write(_image.Heap, tcs));

        var parameters = Range(EnclaveImage.HeapPage, 1, PageType.Tcs);
        Assert.Equal(0, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(4096UL, parameters.Count);
        Assert.DoesNotContain(_machine.Program.MappedPages, mapped => mapped.Address == _image.Heap);
        Assert.Equal(SgxError.Success, thread.Accept(_image.Heap, SecinfoFlags.Tcs | SecinfoFlags.Modified, _image.Data));
        thread.Exit();
        thread.Enter(_image.Heap);
        thread.Exit();
        _machine.AssertInvariants();
    }

    [Fact]
    public void Without_sgx2_it_is_ENODEV_and_before_init_EINVAL_and_a_wild_argument_EFAULT()
    {
        var old = new TestMachine(options: new MachineOptions { Sgx2 = false });
        Assert.Equal(-(long)DriverError.ENODEV, old.Ioctl(old.Open(), TestMachine.Command(Name), 1));
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(_machine.Create(_image), TestMachine.Command(Name), 1));
        Assert.Equal(-(long)DriverError.EFAULT,
            _machine.Ioctl(_machine.Build(_image with { Base = 0x6000_0000_0000 }), TestMachine.Command(Name), 1));
    }

    [Theory]
    [InlineData(1UL, 4096UL, 4UL, 0UL, 0UL)]
    [InlineData(0UL, 0UL, 4UL, 0UL, 0UL)]
    [InlineData(1024 * 4096UL, 4096UL, 4UL, 0UL, 0UL)]
    [InlineData(0UL, 4096UL, 0x104UL, 0UL, 0UL)]
    [InlineData(0UL, 4096UL, 1UL << 63, 0UL, 0UL)]
    [InlineData(0UL, 4096UL, 4UL, 1UL, 0UL)]
    [InlineData(0UL, 4096UL, 4UL, 0UL, 1UL)]
    [InlineData(0UL, 4096UL, 0UL, 0UL, 0UL)]
    [InlineData(0UL, 4096UL, 2UL, 0UL, 0UL)]
    [InlineData(0UL, 4096UL, 3UL, 0UL, 0UL)]
    [InlineData(0UL, 4096UL, 0xffUL, 0UL, 0UL)]
    public void Bad_parameters_are_EINVAL(ulong offset, ulong length, ulong type, ulong result, ulong count)
    {
        var enclave = _machine.Build(_image);
        var parameters = new SgxEnclaveModifyTypes
        {
            Offset = offset,
            Length = length,
            PageType = type,
            Result = result,
            Count = count,
        };
        var before = parameters;
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(before, parameters);
    }

    [Fact]
    public void A_type_it_does_not_make_is_found_last_so_that_the_structure_must_be_writable()
    {
        // sgx_enclave_modify_types asks, after sgx_ioc_enclave_modify_types is done: copy_to_user comes in between.
        var enclave = _machine.Build(_image);
        var parameters = Range(EnclaveImage.HeapPage, 1, PageType.Va);
        ulong argument = _machine.Program.Allocate(
            System.Runtime.InteropServices.MemoryMarshal.AsBytes(
                System.Runtime.InteropServices.MemoryMarshal.CreateSpan(ref parameters, 1)),
            writable: false);
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl(enclave, TestMachine.Command(Name), argument));
    }

    [Fact]
    public void A_page_that_is_not_there_is_EFAULT()
    {
        var enclave = _machine.Build(_image);
        var parameters = Range(500, 1, PageType.Trim);
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl(enclave, Name, ref parameters));
    }

    [Fact]
    public void A_TCS_can_only_be_trimmed_and_a_trimmed_page_nothing()
    {
        var enclave = _machine.Build(_image);
        var parameters = Range(EnclaveImage.TcsPage, 1, PageType.Tcs);
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(enclave, Name, ref parameters));
        parameters = Range(EnclaveImage.TcsPage, 1, PageType.Trim);
        Assert.Equal(0, _machine.Ioctl(enclave, Name, ref parameters));
        foreach (var type in new[] { PageType.Trim, PageType.Tcs })
        {
            parameters = Range(EnclaveImage.TcsPage, 1, type);
            Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(enclave, Name, ref parameters));
        }
    }

    [Fact]
    public void A_page_built_without_read_and_write_cannot_be_a_TCS()
    {
        var enclave = _machine.Build(_image);
        var parameters = Range(EnclaveImage.CodePage, 1, PageType.Tcs);
        Assert.Equal(-(long)DriverError.EPERM, _machine.Ioctl(enclave, Name, ref parameters));
        parameters = Range(EnclaveImage.CodePage, 1, PageType.Trim);
        Assert.Equal(0, _machine.Ioctl(enclave, Name, ref parameters));
    }

    [Fact]
    public void A_page_that_is_pending_is_EFAULT_with_the_code_in_result_and_keeps_its_maximum()
    {
        var enclave = _machine.Build(_image);
        Assert.Equal(VmFault.NoPage, _machine.Program.Fault(_image.At(100), AccessKind.Write));
        var parameters = Range(100, 1, PageType.Tcs);
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal((ulong)SgxError.PageNotModifiable, parameters.Result);
        const Protection All = Protection.Read | Protection.Write | Protection.Execute;
        Assert.Equal(0, _machine.Driver.MayMap(enclave, _image.At(100), _image.At(101), All));
    }

    [Fact]
    public void A_page_that_becomes_a_TCS_is_the_last_to_be_written_out()
    {
        // sgx_enclave_modify_types takes it off the reclaimer's list and puts it back:
        // found by the kernel's own driver (Cloister.Kernel.Tests).
        var enclave = _machine.Build(_image);
        var parameters = Range(EnclaveImage.HeapPage, 1, PageType.Tcs);
        Assert.Equal(0, _machine.Ioctl(enclave, Name, ref parameters));
        ulong last = 0;
        while (_machine.Driver.State.Pool.TryIsolate(out _, out _, out ulong pageNumber))
        {
            last = pageNumber;
        }

        Assert.Equal(_image.Heap.Value >> 12, last);
    }

    [Fact]
    public void As_a_TCS_it_is_never_executable_again()
    {
        var enclave = _machine.Build(_image);
        var thread = _machine.StartThread();
        thread.Enter(_image.Tcs);
        Assert.Equal(SgxError.Success,
            thread.Accept(_image.At(100), SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Pending, _image.Data));
        Assert.Equal(0, _machine.Driver.MayMap(enclave, _image.At(100), _image.At(101), Protection.Execute));
        var parameters = Range(100, 1, PageType.Tcs);
        Assert.Equal(0, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(-(int)DriverError.EACCES, _machine.Driver.MayMap(enclave, _image.At(100), _image.At(101), Protection.Execute));
    }

    private static SgxEnclaveModifyTypes Range(int page, int count, PageType type) => new()
    {
        Offset = (ulong)page * 4096,
        Length = (ulong)count * 4096,
        PageType = (ulong)type,
    };
}
