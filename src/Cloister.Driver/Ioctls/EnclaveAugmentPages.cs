using Cloister.Driver.Faults;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls;

/// <summary>
/// SGX_IOC_ENCLAVE_AUGMENT_PAGES of the RFC of 4 March 2022: EAUG of a whole range, so that one call and one entry of
/// the enclave do for all its pages (sgx_ioc_enclave_augment_pages). The errors are those the RFC documents; its code
/// as posted returned VM_FAULT_SIGBUS for each of them.
/// </summary>
internal sealed class EnclaveAugmentPages(IoctlCall call) : RangeIoctl<SgxEnclaveAugmentPages>(call)
{
    protected override bool StopsForSignals => true;

    // The RFC asks for EINIT only; without SGX2 it is EAUG that faults.
    protected override DriverError CheckEnclave() =>
        Enclave.IsInitialized ? DriverError.None : Refuse(DriverError.EINVAL, IoctlRule.Initialized);

    protected override DriverError CheckParameters(out ulong offset, out ulong length)
    {
        (offset, length) = (Parameters.Offset, Parameters.Length);
        return ValidateOffsetLength(offset, length);
    }

    protected override DriverError HandlePage(ulong offset)
    {
        Services.Epc.MakeRoom(Math.Min(EnclaveAugment.MaximumAllocations, Services.State.Pool.LimitCount));
        return Services.Augment.Add(Enclave, Enclave.Base + offset, out _) switch
        {
            DriverError.EFAULT => Refuse(DriverError.EIO, IoctlRule.LeafSucceeds, offset),
            DriverError.EEXIST => Refuse(DriverError.EBUSY, IoctlRule.PageFree, offset),
            DriverError.EBUSY => Refuse(DriverError.EBUSY, IoctlRule.EpcRoom),
            var error => error,
        };
    }

    protected override void SetCount(ulong count) => Parameters.Count = count;
}
