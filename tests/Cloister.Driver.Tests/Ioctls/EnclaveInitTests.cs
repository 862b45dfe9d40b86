using System.Buffers.Binary;
using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Ioctls;

public class EnclaveInitTests
{
    private const int Vendor = 16;
    private const int Miscselect = 900;
    private const int Miscmask = 904;
    private const int Attributes = 928;
    private const int Attributemask = 944;

    private readonly TestMachine _machine = new();
    private readonly EnclaveImage _image = new();

    [Fact]
    public void Initialises_an_enclave_with_its_measurement_and_writes_the_launch_control_registers()
    {
        var enclave = Added();
        Assert.Equal(0, _machine.Initialize(enclave, _image.Sigstruct()));
        Assert.True(enclave.IsInitialized);
        Assert.Equal(Signer.Instance.Mrsigner, _machine.Machine.LaunchControlHash);
        _machine.AssertInvariants();
    }

    [Fact]
    public void Before_create_and_once_done_it_is_EINVAL()
    {
        uint command = TestMachine.Command("ENCLAVE_INIT");
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(_machine.Open(), command, 1));
        Assert.Equal(-(long)DriverError.EINVAL, _machine.Ioctl(_machine.Build(_image), command, 1));
    }

    [Fact]
    public void A_wild_argument_or_SIGSTRUCT_is_EFAULT()
    {
        var enclave = Added();
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl(enclave, TestMachine.Command("ENCLAVE_INIT"), 1));
        var parameters = new SgxEnclaveInit { Sigstruct = 1 };
        Assert.Equal(-(long)DriverError.EFAULT, _machine.Ioctl(enclave, "ENCLAVE_INIT", ref parameters));
    }

    [Theory]
    [InlineData(0u, DriverError.None)]
    [InlineData(0x8086u, DriverError.EPERM)]
    [InlineData(1u, DriverError.EINVAL)]
    [InlineData(0x80860000u, DriverError.EINVAL)]
    public void The_vendor_is_nobody_or_intel(uint vendor, DriverError errno) =>
        // With Intel's number the signature no longer fits: that the processor says, not the driver.
        Assert.Equal(-(long)errno, Changed(sigstruct => Write32(sigstruct, Vendor, vendor)));

    [Fact]
    public void An_attribute_that_was_not_allowed_is_EACCES()
    {
        var image = _image with { Attributes = AttributeFlags.Mode64Bit | AttributeFlags.ProvisionKey };
        var enclave = Added(image);

        // Before the attributes of the SIGSTRUCT are looked at.
        byte[] sigstruct = image.Sigstruct();
        Write64(sigstruct, Attributes, ulong.MaxValue);
        Assert.Equal(-(long)DriverError.EACCES, _machine.Initialize(enclave, sigstruct));
        Assert.False(enclave.IsInitialized);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(6)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(11)]
    [InlineData(63)]
    public void A_demanded_attribute_the_kernel_does_not_know_is_EINVAL(int bit) =>
        Assert.Equal(-(long)DriverError.EINVAL, Changed(sigstruct =>
        {
            Write64(sigstruct, Attributes, (1UL << bit) | 4);
            Write64(sigstruct, Attributemask, (1UL << bit) | 4);
        }));

    [Fact]
    public void An_attribute_that_is_not_demanded_is_the_processors_matter() =>
        Assert.Equal(-(long)DriverError.EPERM, Changed(sigstruct => Write64(sigstruct, Attributes, (1UL << 63) | 6)));

    [Fact]
    public void A_miscselect_bit_the_kernel_does_not_know_is_EINVAL() =>
        Assert.Equal(-(long)DriverError.EINVAL, Changed(sigstruct => Write32(sigstruct, Miscselect, 3)));

    [Fact]
    public void A_miscselect_bit_the_machine_has_not_is_EINVAL()
    {
        var machine = new TestMachine(options: new MachineOptions { MiscselectMask = Architecture.Miscselect.None });
        var enclave = machine.Open();
        byte[] secs = _image.Secs();
        secs[20] = 0;
        Assert.Equal(0, machine.TryCreate(enclave, secs));
        Assert.Equal(-(long)DriverError.EINVAL, machine.Initialize(enclave, _image.Sigstruct()));
    }

    [Fact]
    public void An_xsave_component_the_machine_has_not_is_EINVAL() =>
        Assert.Equal(-(long)DriverError.EINVAL, Changed(sigstruct =>
        {
            Write64(sigstruct, Attributes + 8, (1UL << 18) | 3);
            Write64(sigstruct, Attributemask + 8, 1UL << 18);
        }));

    [Theory]
    [InlineData("SIGSTRUCT.VENDOR", Vendor, 4, 1UL)]
    [InlineData("SIGSTRUCT.ATTRIBUTES", Attributes, 8, (1UL << 63) | 4)]
    [InlineData("SIGSTRUCT.MISCSELECT", Miscselect, 4, 3UL)]
    [InlineData("SIGSTRUCT.XFRM", Attributes + 8, 8, (1UL << 62) | 3)]
    public void What_the_driver_refuses_by_itself_is_explained(string field, int offset, int size, ulong value)
    {
        var refusals = new Refusals();
        _machine.Machine.Observer = refusals;
        Assert.Equal(-(long)DriverError.EINVAL, Changed(sigstruct =>
        {
            sigstruct.AsSpan(Attributemask, 16).Fill(0xff);
            BitConverter.GetBytes(value).AsSpan(0, size).CopyTo(sigstruct.AsSpan(offset));
        }));
        Assert.Equal(field, Assert.Single(refusals.Fields));
    }

    [Fact]
    public void An_attribute_that_was_not_allowed_is_explained()
    {
        var refusals = new Refusals();
        _machine.Machine.Observer = refusals;
        var image = _image with { Attributes = AttributeFlags.Mode64Bit | AttributeFlags.ProvisionKey };
        Assert.Equal(-(long)DriverError.EACCES, _machine.Initialize(Added(image), image.Sigstruct()));
        Assert.Equal("SECS.ATTRIBUTES", Assert.Single(refusals.Fields));
    }

    [Fact]
    public void What_EINIT_refuses_is_EPERM()
    {
        Assert.Equal(-(long)DriverError.EPERM, Changed(sigstruct => sigstruct[960] ^= 1));
        Assert.Equal(-(long)DriverError.EPERM, Changed(sigstruct => sigstruct[516] ^= 1));
    }

    [Fact]
    public void A_refused_enclave_can_be_tried_again()
    {
        var enclave = Added();
        byte[] wrong = _image.Sigstruct();
        wrong[516] ^= 1;
        Assert.Equal(-(long)DriverError.EPERM, _machine.Initialize(enclave, wrong));
        Assert.Equal(0, _machine.Initialize(enclave, _image.Sigstruct()));
    }

    private sealed class Refusals : IMachineObserver
    {
        public List<string> Fields { get; } = [];

        public void EnclaveRefused(EnclsLeaf leaf, EpcPage secs, ReadOnlySpan<byte> sigstruct, string field, string expected, string found)
        {
            Assert.Equal((EnclsLeaf.Einit, Sigstruct.SizeInBytes), (leaf, sigstruct.Length));
            Assert.NotEqual(expected, found);
            Fields.Add(field);
        }
    }

    private static void Write32(byte[] bytes, int offset, uint value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(offset), value);

    private static void Write64(byte[] bytes, int offset, ulong value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(offset), value);

    private long Changed(Action<byte[]> change)
    {
        byte[] sigstruct = _image.Sigstruct();
        Write32(sigstruct, Miscmask, uint.MaxValue);
        change(sigstruct);
        var enclave = Added();
        long result = _machine.Initialize(enclave, sigstruct);
        Assert.Equal(result == 0, enclave.IsInitialized);
        _machine.AssertInvariants();
        return result;
    }

    private SgxEnclave Added(EnclaveImage? image = null)
    {
        image ??= _image;
        var enclave = _machine.Create(image);
        foreach (var (page, flags, contents) in image.Pages())
        {
            Assert.Equal(0, _machine.AddPages(enclave, page, flags, contents));
        }

        return enclave;
    }
}
