using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>An ioctl of the drivers before v20 on a range of pages.</summary>
/// <typeparam name="T">The structure.</typeparam>
internal abstract class AddressRangeIoctl<T>(IoctlCall call) : AddressIoctl<T>(call)
    where T : unmanaged
{
    // The page, and its SECS before it: what loading one takes.
    private const int PagesOfOneLoad = 2;

    private ulong _next;
    private ulong _end;

    /// <summary>What the call comes to when every page was handled.</summary>
    protected long FinalResult { get; set; }

    /// <summary>Sets the range, in linear page numbers, once it is checked.</summary>
    protected void SetRange(ulong firstPage, ulong pages)
    {
        _next = firstPage;
        _end = firstPage + pages;
    }

    /// <summary>Handles a page.</summary>
    /// <returns>0 to go on, anything else ends the call with it.</returns>
    protected abstract long HandlePage(ulong pageNumber);

    /// <inheritdoc/>
    protected sealed override long? GoOn(int pageBudget)
    {
        for (; _next < _end; _next++)
        {
            if (pageBudget-- == 0)
            {
                return null;
            }

            long result = HandlePage(_next);
            if (result != 0)
            {
                return result;
            }
        }

        return FinalResult;
    }

    /// <summary>Brings a page into the EPC (sgx_fault_page); EFAULT when there is none.</summary>
    protected DriverError Load(ulong pageNumber)
    {
        var enclave = Target!;
        if (!enclave.IsInitialized || enclave.IsDead)
        {
            return Refuse(DriverError.EFAULT, enclave.IsInitialized ? IoctlRule.Alive : IoctlRule.Initialized);
        }

        Services.Epc.ReclaimDirect(Math.Min(PagesOfOneLoad, Services.State.Pool.LimitCount));
        ref var page = ref enclave.Pages.TryGet(pageNumber, out bool exists);
        return exists ? Loaded(Services.Loader.Load(enclave, pageNumber, ref page))
            : Refuse(DriverError.EFAULT, IoctlRule.PageThere, (pageNumber << 12) - enclave.Base.Value);
    }

    /// <summary>What a leaf returns in these drivers: its error code as it is, EFAULT for a fault.</summary>
    protected long ResultOf(LeafResult result) => result.Status switch
    {
        LeafStatus.Success => 0,
        LeafStatus.Error => LeafError(result),
        _ => -(long)Refuse(DriverError.EFAULT, IoctlRule.LeafSucceeds),
    };

    /// <summary>Removes a page that is in the EPC, whatever its type.</summary>
    protected void Remove(ulong pageNumber)
    {
        var enclave = Target!;
        enclave.Zap(pageNumber);
        Services.Memory.FreeResident(enclave, pageNumber, enclave.Pages.TryGet(pageNumber, out _).Epc);
        enclave.Pages.Remove(pageNumber);
        Services.Memory.Shrink(enclave, added: false);
        Services.State.Counters.Removals++;
    }

    private DriverError Loaded(DriverError error) => error switch
    {
        DriverError.EBUSY => Refuse(error, IoctlRule.EpcRoom),
        DriverError.EFAULT => Refuse(error, IoctlRule.LeafSucceeds),
        _ => error,
    };

    /// <summary>Whether address and length are multiples of 4096 and within the enclave.</summary>
    protected bool IsRange(ulong address, ulong length)
    {
        const ulong PageMask = LinearAddress.PageSize - 1;
        var enclave = Target!;
        bool isRange = ((address | length) & PageMask) == 0
            && address >= enclave.Base.Value
            && length <= enclave.Size
            && address - enclave.Base.Value <= enclave.Size - length;
        _ = isRange ? DriverError.None
            : Refuse(DriverError.EINVAL, IoctlRule.RangeInEnclave, address - enclave.Base.Value + length, enclave.Size);
        return isRange;
    }
}
