using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>
/// SGX_IOC_ENCLAVE_INIT of the out-of-tree driver, which leaves the launch control registers as the machine has them
/// and wants a token for every other signer (sgx_ioc_enclave_init).
/// </summary>
internal sealed class InitWithToken(IoctlCall call) : InitIoctl<SgxEnclaveInitWithToken>(call)
{
    protected override bool WritesLaunchControl => false;

    protected override long AlreadyInitialized => -(long)DriverError.EINVAL;

    protected override long? Begin()
    {
        long uncopied = CopyFromUser(Parameters.Sigstruct, BytesOf(ref Sigstruct));
        if (uncopied == 0)
        {
            uncopied = CopyFromUser(Parameters.Einittoken, BytesOf(ref Token));
        }

        if (uncopied != 0)
        {
            return uncopied;
        }

        long result = Find(Parameters.Addr, mustBeAligned: false);
        return result == 0 ? null : result;
    }
}
