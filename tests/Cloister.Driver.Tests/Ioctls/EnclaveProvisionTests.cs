using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Tests.Ioctls;

public class EnclaveProvisionTests
{
    private readonly TestMachine _machine = new();

    public EnclaveProvisionTests() => _machine.Program.ProvisionFiles.Add(5);

    [Fact]
    public void A_descriptor_of_the_provision_device_allows_the_provision_key()
    {
        var image = new EnclaveImage { Attributes = AttributeFlags.Mode64Bit | AttributeFlags.ProvisionKey };
        var enclave = _machine.Create(image);
        foreach (var (page, flags, contents) in image.Pages())
        {
            _machine.AddPages(enclave, page, flags, contents);
        }

        Assert.Equal(-(long)DriverError.EACCES, _machine.Initialize(enclave, image.Sigstruct()));
        Assert.Equal(0, Provision(enclave, 5));
        Assert.Equal(0, _machine.Initialize(enclave, image.Sigstruct()));
    }

    [Fact]
    public void A_wild_argument_is_EFAULT() =>
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl(_machine.Open(), TestMachine.Command("ENCLAVE_PROVISION"), 1));

    [Theory]
    [InlineData(0UL)]
    [InlineData(6UL)]
    [InlineData(0xffff_ffffUL)]
    [InlineData(ulong.MaxValue)]
    public void Any_other_descriptor_is_EINVAL(ulong descriptor)
    {
        var enclave = _machine.Open();
        Assert.Equal(-(long)DriverError.EINVAL, Provision(enclave, descriptor));
        Assert.Equal(AttributeFlags.None, enclave.AllowedAttributes);
    }

    [Fact]
    public void The_upper_half_of_the_field_is_lost() => Assert.Equal(0, Provision(_machine.Open(), (1UL << 32) | 5));

    [Fact]
    public void Create_forgets_what_was_allowed_before()
    {
        var image = new EnclaveImage();
        var enclave = _machine.Open();
        Assert.Equal(0, Provision(enclave, 5));
        Assert.Equal(0, _machine.TryCreate(enclave, image.Secs()));
        Assert.False(enclave.AllowedAttributes.HasFlag(AttributeFlags.ProvisionKey));
    }

    private long Provision(SgxEnclave enclave, ulong descriptor)
    {
        var parameters = new SgxEnclaveProvision { Fd = descriptor };
        return _machine.Ioctl(enclave, "ENCLAVE_PROVISION", ref parameters);
    }
}
