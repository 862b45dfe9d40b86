using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Tests.Ioctls;

public class PageModtTests
{
    private readonly TestMachine _machine = TestMachine.Of(Generation.EdmmV1);
    private readonly EnclaveImage _image = new();

    [Fact]
    public void Trims_and_page_remove_removes()
    {
        var enclave = _machine.Build(_image);
        var thread = _machine.StartThread();
        thread.Enter(_image.Tcs);
        var parameters = new SgxPageModt { Offset = EnclaveImage.HeapPage * 4096, Length = 8192, Type = 4 };
        Assert.Equal(0, _machine.Ioctl(enclave, "PAGE_MODT", ref parameters));
        Assert.Equal(8192UL, parameters.Count);
        Assert.Equal(SgxError.Success, thread.Accept(_image.Heap, SecinfoFlags.Trim | SecinfoFlags.Modified, _image.Data));
        var remove = new SgxEnclaveRemovePages { Offset = EnclaveImage.HeapPage * 4096, Length = 8192 };
        Assert.Equal(-(long)DriverError.EPERM, _machine.Ioctl(enclave, "PAGE_REMOVE", ref remove));
        Assert.Equal(4096UL, remove.Count);
    }

    [Theory]
    [InlineData(0UL, 0UL, 0UL)]
    [InlineData(2UL, 0UL, 0UL)]
    [InlineData(0x104UL, 0UL, 0UL)]
    [InlineData(4UL, 1UL, 0UL)]
    [InlineData(4UL, 0UL, 1UL)]
    public void Bad_parameters_are_EINVAL(ulong type, ulong result, ulong count)
    {
        var parameters = new SgxPageModt { Length = 4096, Type = type, Result = result, Count = count };
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(_machine.Build(_image), "PAGE_MODT", ref parameters));
    }
}
