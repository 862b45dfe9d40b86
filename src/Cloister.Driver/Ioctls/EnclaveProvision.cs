using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls;

/// <summary>
/// SGX_IOC_ENCLAVE_PROVISION: a descriptor of /dev/sgx_provision allows PROVISIONKEY (sgx_ioc_enclave_provision,
/// sgx_set_attribute).
/// </summary>
internal sealed class EnclaveProvision(IoctlCall call) : EnclaveIoctl(call)
{
    protected override long? Advance(int pageBudget)
    {
        var parameters = default(SgxEnclaveProvision);
        if (!TryCopyParameters(ref parameters))
        {
            return -(long)Refuse(DriverError.EFAULT, IoctlRule.ArgumentAccessible, Argument);
        }

        // Linux, sgx_set_attribute: the parameter is an unsigned int, so the upper half of the field is lost.
        if (!Caller.IsProvisionFile(unchecked((int)(uint)parameters.Fd)))
        {
            return -(long)Refuse(DriverError.EINVAL, IoctlRule.ProvisionFile, parameters.Fd);
        }

        Enclave.AllowedAttributes |= AttributeFlags.ProvisionKey;
        return 0;
    }
}
