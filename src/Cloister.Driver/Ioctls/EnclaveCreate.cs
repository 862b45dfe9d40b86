using System.Numerics;
using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls;

/// <summary>SGX_IOC_ENCLAVE_CREATE: builds the SECS (sgx_ioc_enclave_create, sgx_encl_create).</summary>
internal sealed class EnclaveCreate(IoctlCall call) : EnclaveIoctl(call)
{
    protected override long? Advance(int pageBudget) => -(long)Execute();

    private DriverError Execute()
    {
        if (Enclave.IsCreated)
        {
            return Refuse(DriverError.EINVAL, IoctlRule.NotCreatedYet);
        }

        var parameters = default(SgxEnclaveCreate);
        if (!TryCopyParameters(ref parameters))
        {
            return Refuse(DriverError.EFAULT, IoctlRule.ArgumentAccessible, Argument);
        }

        var source = Services.State.ScratchPage;
        if (!Caller.CopyFromUser(parameters.Src, source))
        {
            return Refuse(DriverError.EFAULT, IoctlRule.OperandReadable, parameters.Src);
        }

        // Linux, sgx_encl_create: ECREATE would fault, the kernel says it first.
        ref readonly var secs = ref MemoryMarshal.AsRef<Secs>(source);
        return BitOperations.IsPow2(secs.Size)
            ? new EnclaveCreation(Services, this).Create(Enclave, source, in secs, DriverError.EIO)
            : Refuse(DriverError.EINVAL, IoctlRule.SizePowerOfTwo, secs.Size);
    }
}
