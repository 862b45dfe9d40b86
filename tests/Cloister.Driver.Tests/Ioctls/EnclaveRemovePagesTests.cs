using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Ioctls;

public class EnclaveRemovePagesTests
{
    private const string Name = "ENCLAVE_REMOVE_PAGES";

    private readonly TestMachine _machine = new();
    private readonly EnclaveImage _image = new();

    [Fact]
    public void Removes_pages_that_were_trimmed_and_accepted()
    {
        var enclave = _machine.Build(_image);
        var thread = _machine.StartThread();
        thread.Enter(_image.Tcs);
        int before = _machine.Statistics.EpcPagesFree;
        Trim(enclave, EnclaveImage.HeapPage, 2);
        Accept(thread, EnclaveImage.HeapPage, 2);

        var parameters = Range(EnclaveImage.HeapPage, 2);
        Assert.Equal(0, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(2 * 4096UL, parameters.Count);
        Assert.Equal(before + 2, _machine.Statistics.EpcPagesFree);
        Assert.Equal(2, _machine.Statistics.Removals);
        _machine.AssertInvariants();

        // An access brings a new page, which has to be accepted.
        Assert.Equal(
            SgxError.Success,
            thread.Accept(_image.Heap, SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Pending, _image.Data));
        Span<byte> read = [1];
        Assert.True(thread.Read(_image.Heap, read));
        Assert.Equal(0, read[0]);
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
    [InlineData(1UL, 4096UL, 0UL)]
    [InlineData(0UL, 0UL, 0UL)]
    [InlineData(0UL, 4097UL, 0UL)]
    [InlineData(1024 * 4096UL, 4096UL, 0UL)]
    [InlineData(0UL, 4096UL, 1UL)]
    public void Bad_parameters_are_EINVAL(ulong offset, ulong length, ulong count)
    {
        var enclave = _machine.Build(_image);
        var parameters = new SgxEnclaveRemovePages { Offset = offset, Length = length, Count = count };
        var before = parameters;
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(before, parameters);
    }

    [Fact]
    public void A_page_that_is_not_there_is_EFAULT()
    {
        var parameters = Range(500, 1);
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl(_machine.Build(_image), Name, ref parameters));
    }

    [Fact]
    public void A_page_that_is_not_trimmed_is_EPERM()
    {
        var parameters = Range(EnclaveImage.HeapPage, 1);
        Assert.Equal(-(long)DriverError.EPERM, _machine.Ioctl(_machine.Build(_image), Name, ref parameters));
    }

    [Fact]
    public void A_TRIM_that_is_not_accepted_is_EPERM_and_the_count_says_how_far_it_got()
    {
        var enclave = _machine.Build(_image);
        var thread = _machine.StartThread();
        thread.Enter(_image.Tcs);
        Trim(enclave, EnclaveImage.HeapPage, 3);
        Accept(thread, EnclaveImage.HeapPage, 1);
        var parameters = Range(EnclaveImage.HeapPage, 3);
        Assert.Equal(-(long)DriverError.EPERM, _machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(4096UL, parameters.Count);
        _machine.AssertInvariants();
    }

    [Fact]
    public void Trimmed_pages_that_were_written_out_are_loaded_and_removed()
    {
        var machine = new TestMachine(epcPages: 40);
        var image = _image with { HeapPages = 80 };
        var enclave = machine.Build(image);
        var thread = machine.StartThread();
        thread.Enter(image.Tcs);
        var types = new SgxEnclaveModifyTypes
        {
            Offset = EnclaveImage.HeapPage * 4096UL,
            Length = 80 * 4096UL,
            PageType = (ulong)PageType.Trim,
        };
        Assert.Equal(0, machine.Ioctl(enclave, "ENCLAVE_MODIFY_TYPES", ref types));
        for (int page = 0; page < 80; page++)
        {
            Assert.Equal(
                SgxError.Success,
                thread.Accept(image.At(EnclaveImage.HeapPage + page), SecinfoFlags.Trim | SecinfoFlags.Modified, image.Data));
        }

        var parameters = Range(EnclaveImage.HeapPage, 80);
        Assert.Equal(0, machine.Ioctl(enclave, Name, ref parameters));
        Assert.Equal(5, enclave.PageCount);
        machine.AssertInvariants();
    }

    private static SgxEnclaveRemovePages Range(int page, int count) =>
        new() { Offset = (ulong)page * 4096, Length = (ulong)count * 4096 };

    private void Trim(SgxEnclave enclave, int page, int count)
    {
        var parameters = new SgxEnclaveModifyTypes
        {
            Offset = (ulong)page * 4096,
            Length = (ulong)count * 4096,
            PageType = (ulong)PageType.Trim,
        };
        Assert.Equal(0, _machine.Ioctl(enclave, "ENCLAVE_MODIFY_TYPES", ref parameters));
    }

    private void Accept(TestThread thread, int page, int count)
    {
        for (int i = page; i < page + count; i++)
        {
            Assert.Equal(
                SgxError.Success,
                thread.Accept(_image.At(i), SecinfoFlags.Trim | SecinfoFlags.Modified, _image.Data));
        }
    }
}
