using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Processor;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>
/// SGX_IOC_ENCLAVE_INIT of the drivers before v20: waits for the worker thread, then EINIT; its error code is the result
/// (sgx_encl_init).
/// </summary>
/// <typeparam name="T">The structure.</typeparam>
internal abstract class InitIoctl<T>(IoctlCall call) : AddressIoctl<T>(call)
    where T : unmanaged
{
    /// <summary>The SIGSTRUCT.</summary>
    protected Sigstruct Sigstruct;

    /// <summary>The EINITTOKEN, zeros when the driver takes none.</summary>
    protected Einittoken Token;

    /// <summary>Whether the launch control registers are written to fit the signer.</summary>
    protected abstract bool WritesLaunchControl { get; }

    /// <summary>What it is for an enclave that is initialised already.</summary>
    protected abstract long AlreadyInitialized { get; }

    /// <inheritdoc/>
    protected sealed override long? GoOn(int pageBudget)
    {
        var enclave = Target!;
        if (enclave.IsInitialized)
        {
            _ = Refuse(DriverError.EINVAL, IoctlRule.NotInitializedYet);
            return AlreadyInitialized;
        }

        if (!Services.Worker.Run(enclave, ref pageBudget))
        {
            return null;
        }

        if (enclave.IsDead)
        {
            return -(long)Refuse(DriverError.EFAULT, IoctlRule.Alive);
        }

        if (WritesLaunchControl)
        {
            Services.Machine.LaunchControlHash = SHA256.HashData((ReadOnlySpan<byte>)Sigstruct.Modulus);
        }

        var result = Einit.Execute(Services.Machine, BytesOf(ref Sigstruct), BytesOf(ref Token), enclave.Secs.Epc);
        enclave.IsInitialized = result.IsSuccess;
        enclave.Mrenclave = ((ReadOnlySpan<byte>)Sigstruct.Enclavehash).ToArray();
        enclave.Mrsigner = SHA256.HashData((ReadOnlySpan<byte>)Sigstruct.Modulus);
        enclave.Sigstruct = result.IsSuccess ? BytesOf(ref Sigstruct).ToArray() : default;
        return result.Status switch
        {
            LeafStatus.Success => 0,
            LeafStatus.Error => LeafError(result),
            _ => -(long)Refuse(DriverError.EFAULT, IoctlRule.LeafSucceeds),
        };
    }
}
