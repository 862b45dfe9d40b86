using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Tests.Ioctls.ByAddress;

public class EncluRegisterTests
{
    private readonly LegacyMachine _machine = new(Generation.RfcEnclu);

    [Fact]
    public void The_handler_belongs_to_the_address_space()
    {
        Assert.Equal(0, Register(0x1000, 0x2000));
        Assert.Equal(new EncluHandler(new(0x1000), new(0x2000)), _machine.Machine.Driver.EncluHandlerOf(_machine.Program));
        Assert.Null(_machine.Machine.Driver.EncluHandlerOf(new TestProgram(_machine.Machine)));
        Assert.Equal(0, Register(0x3000, 0x4000));
        Assert.Equal(new LinearAddress(0x4000), _machine.Machine.Driver.EncluHandlerOf(_machine.Program)?.Handler);
        _machine.Machine.Driver.AddressSpaceReleased(_machine.Program);
        Assert.Null(_machine.Machine.Driver.EncluHandlerOf(_machine.Program));
    }

    [Fact]
    public void Equal_addresses_are_EINVAL()
    {
        Assert.Equal(-(long)DriverError.EINVAL, Register(0x1000, 0x1000));
        Assert.Null(_machine.Machine.Driver.EncluHandlerOf(_machine.Program));
    }

    private long Register(ulong enclu, ulong handler) =>
        _machine.Ioctl("ENCLU_REGISTER", new SgxEncluRegister { Enclu = enclu, Handler = handler });
}
