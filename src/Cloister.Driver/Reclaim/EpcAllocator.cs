using Cloister.Architecture;
using Cloister.Driver.Enclaves;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Reclaim;

/// <summary>Hands out EPC pages and takes them back (sgx_alloc_epc_page, sgx_encl_free_epc_page), and is ksgxd.</summary>
internal sealed class EpcAllocator(DriverState state, PageReclaimer reclaimer)
{
    private bool _woken;

    /// <summary>Allocates an EPC page.</summary>
    /// <param name="reclaim">
    /// Whether to make room on the spot when there is none. Page faults must not: they give EBUSY and are made again.
    /// </param>
    /// <param name="signals">Whose pending signal ends the wait for a page; null when nobody waits.</param>
    /// <param name="page">The page, invalid in the EPCM.</param>
    /// <returns>
    /// ENOMEM when the EPC is full of pages that cannot be reclaimed, EBUSY when it is full of pages that can and
    /// <paramref name="reclaim"/> is false, ERESTARTSYS when a signal is pending.
    /// </returns>
    public DriverError Allocate(bool reclaim, ISignals? signals, out EpcPage page)
    {
        int patience = Patience;
        while (!state.Pool.TryTake(out page))
        {
            if (state.Pool.ActiveCount == 0)
            {
                return state.Refuse(DriverError.ENOMEM, IoctlRule.EpcRoom);
            }

            if (!reclaim)
            {
                WakeIfLow();
                return DriverError.EBUSY;
            }

            if (signals is { SignalPending: true })
            {
                return state.Refuse(DriverError.ERESTARTSYS, IoctlRule.NoSignal);
            }

            reclaimer.ReclaimPages(ignoreAge: patience-- <= 0);
        }

        WakeIfLow();
        return DriverError.None;
    }

    /// <summary>Invalidates a page and gives it back, or to nobody where EREMOVE fails (sgx_encl_free_epc_page).</summary>
    /// <param name="page">The page.</param>
    /// <param name="secs">The SECS of its enclave, to drive threads out of it, or none.</param>
    public void Free(EpcPage page, EpcPage secs)
    {
        var result = Eremove.Execute(state.Machine, page);
        if (result.Error == SgxError.EnclaveAct && !secs.IsNone && state.Machine.Injection is null)
        {
            // No thread of the enclave is left in Linux when it comes to this; here one may just have been killed.
            state.ForceExits(secs);
            result = Eremove.Execute(state.Machine, page);
        }

        if (result.IsSuccess)
        {
            state.Pool.Give(page);
            return;
        }

        // "EREMOVE returned %d and an EPC page was leaked": by order, or because a page that leaked so holds its SECS.
        if (state.Machine.Injection is null && !(result.Error == SgxError.ChildPresent && state.Pool.LeakedCount > 0))
        {
            throw new InvalidOperationException($"EREMOVE came to {result} and {page} is lost.");
        }

        state.Pool.Leak(page);
    }

    /// <summary>
    /// Reclaims a batch when the EPC is low (sgx_reclaim_direct), and goes on until <paramref name="needed"/> pages are
    /// free: in Linux ksgxd runs beside the caller and keeps some free, here nobody does.
    /// </summary>
    /// <param name="needed">Pages the caller is about to take without reclaim.</param>
    public void ReclaimDirect(int needed)
    {
        if (ShouldReclaim(state.Options.LowPages))
        {
            // Allocations wake ksgxd, and this does not.
            reclaimer.ReclaimPages();
        }

        MakeRoom(needed);
    }

    /// <summary>Writes out a batch of pages, whether there is need or not.</summary>
    public void ReclaimBatch() => reclaimer.ReclaimPages();

    /// <summary>Writes one page out.</summary>
    /// <returns>False where it is none that may be reclaimed.</returns>
    public bool ReclaimPage(EpcPage page) => reclaimer.ReclaimPage(page);

    /// <summary>Only so many pages can be had from now on: what is beyond is written out, but for what cannot be.</summary>
    /// <param name="pages">No more than there are.</param>
    public void Limit(int pages)
    {
        state.Pool.WithheldCount = state.Pool.TotalCount - pages;
        int patience = Patience;
        while (state.Pool.ExcessCount > 0 && state.Pool.ActiveCount > 0)
        {
            reclaimer.ReclaimPages(ignoreAge: patience-- <= 0);
        }
    }

    /// <summary>Reclaims until some pages are free: what ksgxd does while a faulting thread is about to retry.</summary>
    /// <param name="needed">Pages that shall be free.</param>
    /// <returns>Whether they are.</returns>
    public bool MakeRoom(int needed)
    {
        int patience = Patience;
        bool isEnough = state.Pool.FreeCount >= needed;
        while (state.Pool.FreeCount < needed && state.Pool.ActiveCount != 0)
        {
            reclaimer.ReclaimPages(ignoreAge: patience-- <= 0);
        }

        // Where ksgxd would have found no more to do either, it sleeps, and does not take what comes in now.
        _woken &= isEnough || ShouldReclaim(state.Options.HighPages);
        return state.Pool.FreeCount >= needed;
    }

    /// <summary>
    /// The kernel thread ksgxd: once woken by an allocation below the low watermark it works up to the high one.
    /// </summary>
    /// <param name="budget">Runs of 16 pages at most.</param>
    /// <returns>True when there is more to do.</returns>
    public bool Ksgxd(int budget)
    {
        while (_woken)
        {
            if (!ShouldReclaim(state.Options.HighPages))
            {
                _woken = false;
            }
            else if (budget-- <= 0)
            {
                return true;
            }
            else
            {
                reclaimer.ReclaimPages();
            }
        }

        return false;
    }

    // Two looks at every page find one that nobody touched in between, unless programs are quicker than we are: then
    // age no longer counts, so that an allocation always ends.
    private int Patience => (2 * (state.Pool.ActiveCount / PageReclaimer.ScanCount)) + 2;

    private bool ShouldReclaim(int watermark) => state.Pool.FreeCount < watermark && state.Pool.ActiveCount != 0;

    private void WakeIfLow() => _woken |= ShouldReclaim(state.Options.LowPages);
}
