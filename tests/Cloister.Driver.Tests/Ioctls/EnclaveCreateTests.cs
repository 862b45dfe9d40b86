using System.Buffers.Binary;
using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;

namespace Cloister.Driver.Tests.Ioctls;

public class EnclaveCreateTests
{
    private readonly TestMachine _machine = new(epcPages: 4);
    private readonly EnclaveImage _image = new();

    [Fact]
    public void Makes_an_enclave_of_a_SECS_and_a_version_array_page()
    {
        var enclave = _machine.Create(_image);
        Assert.True(enclave.IsCreated);
        Assert.Equal(_image.Base, enclave.Base.Value);
        Assert.Equal(_image.Size, enclave.Size);
        Assert.True(enclave.IsDebug);
        Assert.Equal(2, _machine.Statistics.EpcPagesFree);
        Assert.Equal(PageType.Secs, _machine.Machine.Epcm[enclave.SecsPage].PageType);
        _machine.AssertInvariants();
    }

    [Fact]
    public void Once_only()
    {
        // Before the argument is looked at.
        var enclave = _machine.Create(_image);
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(enclave, TestMachine.Command("ENCLAVE_CREATE"), 1));
    }

    [Fact]
    public void A_wild_argument_is_EFAULT() =>
        Refused(DriverError.EFAULT, enclave => _machine.Ioctl(enclave, TestMachine.Command("ENCLAVE_CREATE"), 1));

    [Fact]
    public void A_SECS_that_cannot_be_read_is_EFAULT()
    {
        ulong argument = _machine.Program.Allocate([1, 2, 3]);
        Refused(DriverError.EFAULT, enclave => _machine.Ioctl(enclave, TestMachine.Command("ENCLAVE_CREATE"), argument));
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(4097UL)]
    [InlineData(12288UL)]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 63)]
    public void A_size_that_is_no_power_of_two_or_needs_too_large_a_file_is_EINVAL(ulong size) =>
        Refused(DriverError.EINVAL, enclave => _machine.TryCreate(enclave, WithSize(size)));

    [Theory]
    [InlineData(1UL)]
    [InlineData(4096UL)]
    [InlineData(1UL << 62)]
    public void What_ECREATE_refuses_is_EIO(ulong size) =>
        Refused(DriverError.EIO, enclave => _machine.TryCreate(enclave, WithSize(size)));

    [Fact]
    public void A_reserved_byte_that_is_set_is_EIO()
    {
        byte[] secs = _image.Secs();
        secs[^1] = 1;
        Refused(DriverError.EIO, enclave => _machine.TryCreate(enclave, secs));
    }

    [Fact]
    public void Without_a_free_page_it_is_ENOMEM()
    {
        var machine = new TestMachine(epcPages: 3);
        machine.Create(_image);
        Assert.Equal(-(long)DriverError.ENOMEM, machine.TryCreate(machine.Open(), _image.Secs()));
        machine.AssertInvariants();
        Assert.Equal(1, machine.Statistics.EpcPagesFree);
    }

    [Fact]
    public void After_a_refusal_it_can_be_tried_again()
    {
        var enclave = _machine.Open();
        Assert.Equal(-(long)DriverError.EINVAL, _machine.TryCreate(enclave, WithSize(3)));
        Assert.Equal(0, _machine.TryCreate(enclave, _image.Secs()));
        _machine.Driver.Release(enclave);
        _machine.AssertAllFree();
    }

    private byte[] WithSize(ulong size)
    {
        byte[] secs = _image.Secs();
        BinaryPrimitives.WriteUInt64LittleEndian(secs, size);
        return secs;
    }

    private void Refused(DriverError errno, Func<SgxEnclave, long> call)
    {
        var enclave = _machine.Open();
        Assert.Equal(-(long)errno, call(enclave));
        Assert.False(enclave.IsCreated);
        Assert.Equal(4, _machine.Statistics.EpcPagesFree);
        _machine.AssertInvariants();
    }
}
