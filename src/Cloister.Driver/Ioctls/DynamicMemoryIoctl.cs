using Cloister.Processor;

namespace Cloister.Driver.Ioctls;

/// <summary>An ioctl on a range of pages of an initialised enclave: what the three SGX2 ioctls share.</summary>
/// <typeparam name="T">The structure.</typeparam>
internal abstract class DynamicMemoryIoctl<T>(IoctlCall call) : RangeIoctl<T>(call)
    where T : unmanaged
{
    // The page, and its SECS before it: what loading one takes.
    private const int PagesOfOneLoad = 2;

    /// <summary>Whether a page must be in the EPC to be handled.</summary>
    protected virtual bool LoadsPages => true;

    /// <summary>sgx_ioc_sgx2_ready.</summary>
    protected override DriverError CheckEnclave()
    {
        if (!Services.Machine.Options.Sgx2)
        {
            return Refuse(DriverError.ENODEV, IoctlRule.Sgx2);
        }

        return Enclave.IsInitialized ? DriverError.None : Refuse(DriverError.EINVAL, IoctlRule.Initialized);
    }

    /// <inheritdoc/>
    protected override DriverError HandlePage(ulong offset)
    {
        if (LoadsPages)
        {
            Services.Epc.ReclaimDirect(Math.Min(PagesOfOneLoad, Services.State.Pool.LimitCount));
        }

        ulong pageNumber = (Enclave.Base + offset).Value >> 12;
        ref var page = ref Enclave.Pages.TryGet(pageNumber, out bool exists);
        if (!exists)
        {
            return Refuse(DriverError.EFAULT, IoctlRule.PageThere, offset);
        }

        // Linux, in each of the three: a busy page may be tried again, any other trouble with it is EFAULT.
        var error = LoadsPages ? Services.Loader.Load(Enclave, pageNumber, ref page) : DriverError.None;
        return error switch
        {
            DriverError.None => HandlePage(pageNumber, ref page),
            DriverError.EBUSY => Refuse(DriverError.EAGAIN, IoctlRule.EpcRoom),
            DriverError.ENOMEM => Refuse(DriverError.EFAULT, IoctlRule.EpcRoom),
            _ => Refuse(DriverError.EFAULT, IoctlRule.LeafSucceeds, offset),
        };
    }

    /// <summary>Handles a page, which is in the EPC if <see cref="LoadsPages"/>.</summary>
    protected abstract DriverError HandlePage(ulong pageNumber, ref EnclavePage page);

    /// <summary>What EMODPR and EMODT came to: faults are EFAULT; so are error codes, which go to the program as well.</summary>
    protected DriverError ErrnoOf(LeafResult result, ref ulong resultField)
    {
        if (result.Status == LeafStatus.Error)
        {
            resultField = (ulong)result.Error;
        }

        return result.IsSuccess ? DriverError.None : Refuse(DriverError.EFAULT, IoctlRule.LeafSucceeds);
    }
}
