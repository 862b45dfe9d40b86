using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>SGX_IOC_ENCLAVE_INIT of the 2018 tree (sgx_ioc_enclave_init).</summary>
internal sealed class InitByAddress(IoctlCall call) : InitIoctl<SgxEnclaveInitByAddress>(call)
{
    protected override bool WritesLaunchControl => true;

    protected override long AlreadyInitialized => 0;

    protected override long? Begin()
    {
        long uncopied = CopyFromUser(Parameters.Sigstruct, BytesOf(ref Sigstruct));
        if (uncopied != 0)
        {
            return uncopied;
        }

        // The tree gives EINVAL without a minus for a launch enclave.
        if ((Sigstruct.Attributes.Flags & AttributeFlags.EinittokenKey) != 0)
        {
            return (long)Refuse(DriverError.EINVAL, IoctlRule.NoLaunchEnclave);
        }

        long result = Find(Parameters.Addr);
        return result == 0 ? null : result;
    }
}
