using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Tests.Ioctls;

public class PageModpTests
{
    private readonly TestMachine _machine = TestMachine.Of(Generation.EdmmV1);
    private readonly EnclaveImage _image = new();

    [Fact]
    public void Restricts_and_follows_what_the_enclave_relaxed()
    {
        var enclave = _machine.Build(_image);
        var thread = _machine.StartThread();
        thread.Enter(_image.Tcs);
        Assert.Equal(0, Modify(enclave, Protection.Read));
        Assert.Equal(VmFault.Sigbus, _machine.Driver.WriteFault(enclave, _image.Heap));
        Assert.Equal(SgxError.Success, thread.Accept(_image.Heap, SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.Pr, _image.Data));
        Assert.Equal(SgxError.Success, thread.Extend(_image.Heap, SecinfoFlags.R | SecinfoFlags.W, _image.Data));
        Assert.Equal(0, Modify(enclave, Protection.Read | Protection.Write));
        Assert.Equal(VmFault.NoPage, _machine.Driver.WriteFault(enclave, _image.Heap));
    }

    [Fact]
    public void More_than_the_maximum_is_EPERM() =>
        Assert.Equal(-(long)DriverError.EPERM, Modify(_machine.Build(_image), Protection.Read | Protection.Execute));

    [Theory]
    [InlineData(Protection.Write)]
    [InlineData((Protection)8)]
    public void Bad_protections_are_EINVAL(Protection protection) =>
        Assert.Equal(-(long)DriverError.EINVAL, Modify(_machine.Build(_image), protection));

    [Fact]
    public void An_old_result_or_count_is_EINVAL()
    {
        var enclave = _machine.Build(_image);
        var parameters = new SgxPageModp { Length = 4096, Prot = 1, Result = 1 };
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(enclave, "PAGE_MODP", ref parameters));
        parameters = new SgxPageModp { Length = 4096, Prot = 1, Count = 1 };
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(enclave, "PAGE_MODP", ref parameters));
    }

    private long Modify(SgxEnclave enclave, Protection protection)
    {
        var parameters = new SgxPageModp { Offset = EnclaveImage.HeapPage * 4096, Length = 4096, Prot = (ulong)protection };
        return _machine.Ioctl(enclave, "PAGE_MODP", ref parameters);
    }
}
