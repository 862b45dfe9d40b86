using System.Buffers.Binary;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Tests.Ioctls.ByAddress;

public class CreateInMappingTests
{
    [Theory]
    [InlineData(Generation.Isgx)]
    [InlineData(Generation.V16)]
    public void The_enclave_fills_its_mapping_once(Generation generation)
    {
        var machine = new LegacyMachine(generation);
        Assert.Equal(0, machine.Create());
        Assert.True(machine.File.IsCreated);
        Assert.Equal(-(long)DriverError.EINVAL, machine.Create());
        machine.Machine.Driver.Release(machine.File);
        machine.Machine.AssertAllFree();
    }

    [Fact]
    public void Any_of_the_programs_files_will_do()
    {
        // The enclave is its mapping's; the file of the call is nobody's.
        var machine = new LegacyMachine(Generation.V16);
        var other = machine.Machine.Open();
        var parameters = new SgxEnclaveCreate { Src = machine.Program.Allocate(machine.Image.Secs()) };
        Assert.Equal(0, machine.Machine.Ioctl(other, "ENCLAVE_CREATE", ref parameters));
        Assert.True(machine.File.IsCreated);
        Assert.False(other.IsCreated);
    }

    [Theory]
    [InlineData(0, 2048 * 4096UL)]
    [InlineData(0, 512 * 4096UL)]
    [InlineData(0, 4096UL)]
    [InlineData(0, 3UL)]
    [InlineData(8, 0x6000_0000_0000UL)]
    [InlineData(8, 0x7000_0000_1000UL)]
    [InlineData(16, 0UL)]
    [InlineData(48, 1UL << 40 | 4)]
    [InlineData(48, 0UL)]
    [InlineData(56, 1UL)]
    [InlineData(56, 1UL << 40 | 3)]
    [InlineData(4088, 1UL)]
    public void A_SECS_that_is_not_valid_or_not_the_mapping_is_EINVAL(int offset, ulong value)
    {
        var machine = new LegacyMachine(Generation.V16);
        byte[] secs = machine.Image.Secs();
        BinaryPrimitives.WriteUInt64LittleEndian(secs.AsSpan(offset), value);
        Assert.Equal(-(long)DriverError.EINVAL, machine.Create(secs));
        machine.Machine.AssertAllFree();
    }

    [Fact]
    public void A_SECS_that_cannot_be_read_is_the_number_of_bytes_missing()
    {
        var machine = new LegacyMachine(Generation.V16);
        ulong address = machine.Program.Allocate(machine.Image.Secs());
        Assert.Equal(4096, machine.Ioctl("ENCLAVE_CREATE", new SgxEnclaveCreate { Src = 8 }));
        Assert.Equal(16, machine.Ioctl("ENCLAVE_CREATE", new SgxEnclaveCreate { Src = address + 16 }));
        Assert.Equal(-(long)DriverError.EFAULT,
            machine.Machine.Ioctl(machine.File, TestMachine.Command("ENCLAVE_CREATE", Generation.V16), 1));
    }

    [Fact]
    public void Without_a_registered_handler_the_rfc_gives_EFAULT()
    {
        var machine = new LegacyMachine(Generation.RfcEnclu);
        Assert.Equal(-(long)DriverError.EFAULT, machine.Create());
    }

    [Theory]
    [InlineData(4096UL)]
    [InlineData(3 * 4096UL)]
    public void A_mapping_is_a_power_of_two_of_at_least_two_pages(ulong length)
    {
        var machine = TestMachine.Of(Generation.V16);
        Assert.Equal(-(int)DriverError.EINVAL, machine.Program.Map(machine.Open(), new(0x4000_0000), length, Protection.Read));
        Assert.Equal(-(int)DriverError.EINVAL, machine.Program.Map(machine.Open(), new(0x4000_1000), 8192, Protection.Read));
    }
}
