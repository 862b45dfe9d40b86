using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;

namespace Cloister.Driver.Tests.Faults;

public class DebugAccessTests
{
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    private readonly TestMachine _machine = new();
    private readonly EnclaveImage _image = new();

    [Fact]
    public void Reads_and_writes_across_words_and_pages()
    {
        var enclave = _machine.Build(_image);
        var at = _image.Heap + 4091;
        byte[] written = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];
        Assert.Equal(13, _machine.Driver.Access(enclave, at, written.AsSpan(), write: true, ReadWrite));
        byte[] read = new byte[15];
        Assert.Equal(15, _machine.Driver.Access(enclave, at - 1, read, write: false, ReadWrite));
        Assert.Equal([0, .. written, 1], read);
    }

    [Fact]
    public void A_production_enclave_is_EFAULT()
    {
        var image = _image with { Attributes = AttributeFlags.Mode64Bit };
        Assert.Equal(-(long)DriverError.EFAULT,
            _machine.Driver.Access(_machine.Build(image), image.Heap, new byte[1], write: false, ReadWrite));
    }

    [Fact]
    public void Where_there_is_no_page_or_the_mapping_has_more_it_is_EFAULT()
    {
        var enclave = _machine.Build(_image);
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Driver.Access(enclave, _image.At(500), new byte[1], write: false, ReadWrite));
        Assert.Equal(-(long)DriverError.EFAULT,
            _machine.Driver.Access(enclave, _image.Heap, new byte[1], write: false, Protection.Execute));
    }

    [Fact]
    public void What_EDBGWR_refuses_is_EIO()
    {
        // SDM 3D, EDBGWR: of a TCS only FLAGS can be written, and 8 bytes of zeros are not a debugger's right elsewhere.
        var enclave = _machine.Build(_image);
        Assert.Equal(8, _machine.Driver.Access(enclave, _image.Tcs, new byte[8], write: false, ReadWrite));
        Assert.Equal(-(long)DriverError.EIO, _machine.Driver.Access(enclave, _image.Tcs + 16, new byte[8], write: true, ReadWrite));
    }

    [Fact]
    public void A_page_that_was_written_out_is_loaded()
    {
        var machine = new TestMachine(epcPages: 24);
        var image = _image with { HeapPages = 60 };
        var enclave = machine.Build(image);
        for (int page = 0; page < 60; page++)
        {
            byte[] read = new byte[1];
            Assert.Equal(1, machine.Driver.Access(enclave, image.At(EnclaveImage.HeapPage + page), read, write: false, ReadWrite));
            Assert.Equal(page, read[0]);
        }

        machine.AssertInvariants();
    }
}
