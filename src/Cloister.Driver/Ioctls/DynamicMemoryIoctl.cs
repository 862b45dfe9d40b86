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
    protected override Errno CheckEnclave()
    {
        if (!Services.Machine.Options.Sgx2)
        {
            return Refuse(Errno.ENODEV, IoctlRule.Sgx2);
        }

        return Enclave.IsInitialized ? Errno.None : Refuse(Errno.EINVAL, IoctlRule.Initialized);
    }

    /// <inheritdoc/>
    protected override Errno HandlePage(ulong offset)
    {
        if (LoadsPages)
        {
            Services.Epc.ReclaimDirect(Math.Min(PagesOfOneLoad, Services.State.Pool.TotalCount));
        }

        ulong pageNumber = (Enclave.Base + offset).Value >> 12;
        ref var page = ref Enclave.Pages.TryGet(pageNumber, out bool exists);
        if (!exists)
        {
            return Refuse(Errno.EFAULT, IoctlRule.PageThere, offset);
        }

        // Linux, in each of the three: a busy page may be tried again, any other trouble with it is EFAULT.
        var error = LoadsPages ? Services.Loader.Load(Enclave, pageNumber, ref page) : Errno.None;
        return error switch
        {
            Errno.None => HandlePage(pageNumber, ref page),
            Errno.EBUSY => Refuse(Errno.EAGAIN, IoctlRule.EpcRoom),
            _ => Refuse(Errno.EFAULT, IoctlRule.EpcRoom),
        };
    }

    /// <summary>Handles a page, which is in the EPC if <see cref="LoadsPages"/>.</summary>
    protected abstract Errno HandlePage(ulong pageNumber, ref EnclavePage page);

    /// <summary>What EMODPR and EMODT came to: faults are EFAULT; so are error codes, which go to the program as well.</summary>
    protected static Errno ErrnoOf(LeafResult result, ref ulong resultField)
    {
        if (result.Status == LeafStatus.Error)
        {
            resultField = (ulong)result.Error;
        }

        return result.IsSuccess ? Errno.None : Errno.EFAULT;
    }
}
