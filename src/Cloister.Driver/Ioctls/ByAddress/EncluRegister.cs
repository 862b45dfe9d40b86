using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>SGX_IOC_ENCLU_REGISTER (RFC v3 4/4): the address space's ENCLU instruction and its exception handler.</summary>
internal sealed class EncluRegister(IoctlCall call) : AddressIoctl<SgxEncluRegister>(call)
{
    protected override long? Begin()
    {
        if (Parameters.Enclu == Parameters.Handler)
        {
            return -(long)Refuse(DriverError.EINVAL, IoctlRule.HandlerApart, Parameters.Handler);
        }

        Services.State.EncluHandlers[Caller.AddressSpace] =
            new EncluHandler(new LinearAddress(Parameters.Enclu), new LinearAddress(Parameters.Handler));
        return 0;
    }
}
