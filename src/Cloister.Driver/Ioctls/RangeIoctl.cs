using Cloister.Architecture;

namespace Cloister.Driver.Ioctls;

/// <summary>
/// An ioctl on a range of pages: checks, then page after page, then the structure goes back to the program with the
/// bytes done, also when a page failed.
/// </summary>
/// <typeparam name="T">The structure.</typeparam>
internal abstract class RangeIoctl<T>(IoctlCall call) : EnclaveIoctl(call)
    where T : unmanaged
{
    private const ulong PageSize = LinearAddress.PageSize;

    private bool _begun;
    private ulong _offset;
    private ulong _length;
    private ulong _done;

    /// <summary>The structure as copied in, and to be copied back.</summary>
    protected T Parameters;

    /// <summary>Bytes done so far.</summary>
    protected ulong Done => _done;

    /// <summary>Whether a pending signal ends the call between two pages.</summary>
    protected virtual bool StopsForSignals => false;

    /// <summary>The checks before anything is copied in.</summary>
    protected abstract DriverError CheckEnclave();

    /// <summary>The checks of the structure; gives the range.</summary>
    protected abstract DriverError CheckParameters(out ulong offset, out ulong length);

    /// <summary>Called once after the checks; an error here ends the call with the structure copied back.</summary>
    protected virtual DriverError Prepare() => DriverError.None;

    /// <summary>Handles a page.</summary>
    /// <param name="offset">Bytes from the enclave's base.</param>
    protected abstract DriverError HandlePage(ulong offset);

    /// <summary>Writes the bytes done into <see cref="Parameters"/>.</summary>
    protected abstract void SetCount(ulong count);

    /// <inheritdoc/>
    protected override long? Advance(int pageBudget)
    {
        if (!_begun)
        {
            var refused = Begin();
            if (refused != DriverError.None)
            {
                return -(long)refused;
            }

            refused = Prepare();
            if (refused != DriverError.None)
            {
                return Finish(refused);
            }
        }

        for (; _done < _length; _done += PageSize)
        {
            // Linux, sgx_ioc_enclave_add_pages: a signal after the first page is no error, the count tells how far it got.
            if (StopsForSignals && SignalPending)
            {
                return Finish(_done == 0 ? Refuse(DriverError.ERESTARTSYS, IoctlRule.NoSignal) : DriverError.None);
            }

            if (pageBudget-- == 0)
            {
                return null;
            }

            var error = HandlePage(_offset + _done);
            if (error != DriverError.None)
            {
                return Finish(error);
            }
        }

        return Finish(DriverError.None);
    }

    private DriverError Begin()
    {
        var error = CheckEnclave();
        if (error != DriverError.None)
        {
            return error;
        }

        if (!TryCopyParameters(ref Parameters))
        {
            return Refuse(DriverError.EFAULT, IoctlRule.ArgumentAccessible, Argument);
        }

        _begun = true;
        return CheckParameters(out _offset, out _length);
    }

    private long Finish(DriverError error)
    {
        SetCount(_done);
        return TryCopyBack(ref Parameters) ? -(long)error : -(long)Refuse(DriverError.EFAULT, IoctlRule.ArgumentAccessible, Argument);
    }
}
