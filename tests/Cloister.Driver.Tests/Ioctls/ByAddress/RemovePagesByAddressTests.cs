using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Tests.Ioctls.ByAddress;

public class RemovePagesByAddressTests
{
    private readonly LegacyMachine _machine = new LegacyMachine(Generation.V16).Build();

    [Theory]
    [InlineData(1UL, 4096UL)]
    [InlineData(0UL, 1UL)]
    [InlineData(0UL, 1025 * 4096UL)]
    [InlineData(4096UL, 1024 * 4096UL)]
    [InlineData(0x1000_0000_0000UL, 4096UL)]
    public void A_bad_range_is_EINVAL(ulong offset, ulong length) =>
        Assert.Equal(-(long)DriverError.EINVAL, Remove(offset, length));

    [Fact]
    public void A_page_that_was_not_trimmed_and_accepted_is_EFAULT()
    {
        Assert.Equal(-(long)DriverError.EFAULT, Remove(EnclaveImage.HeapPage * 4096, 4096));
        Assert.Equal(-(long)DriverError.EFAULT, Remove(500 * 4096, 4096));
        Assert.Equal(9, _machine.File.PageCount);
    }

    private long Remove(ulong offset, ulong length) =>
        _machine.Ioctl("ENCLAVE_REMOVE_PAGES", new SgxEnclaveRemovePagesByAddress { Addr = _machine.Image.Base + offset, Length = length });
}
