using Cloister.Architecture;
using Cloister.Driver.Enclaves;
using Cloister.Processor;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Reclaim;

/// <summary>
/// Writes enclave pages out to the backing store (sgx_reclaim_pages): 16 from the head of the active list, those
/// accessed since the last look go back to its tail, the others are blocked, all of them, and then written.
/// </summary>
internal sealed class PageReclaimer(DriverState state)
{
    /// <summary>Pages looked at in one run (SGX_NR_TO_SCAN).</summary>
    public const int ScanCount = 16;

    private readonly Candidate[] _chunk = new Candidate[ScanCount];
    private readonly HashSet<SgxEnclave> _doomed = [];
    private bool _running;

    /// <summary>One run.</summary>
    /// <param name="ignoreAge">Takes pages no matter whether they were accessed.</param>
    public void ReclaimPages(bool ignoreAge = false)
    {
        state.Counters.ReclaimRuns++;
        Reclaim(Isolate, ignoreAge);
    }

    /// <summary>Writes one page out, no matter whether it was accessed.</summary>
    /// <returns>False where it is none that may be reclaimed.</returns>
    public bool ReclaimPage(EpcPage page)
    {
        if (!state.Pool.TryIsolate(page, out int owner, out ulong pageNumber))
        {
            return false;
        }

        Reclaim(
            () =>
            {
                _chunk[0] = new Candidate(state.EnclaveOf(owner), page, pageNumber);
                return 1;
            },
            ignoreAge: true);
        return true;
    }

    private void Reclaim(Func<int> isolate, bool ignoreAge)
    {
        if (_running)
        {
            throw new InvalidOperationException("The reclaimer was entered while it runs.");
        }

        _running = true;
        try
        {
            int count = Spare(Age(isolate(), ignoreAge));
            Zap(count);
            for (int i = 0; i < count; i++)
            {
                Block(in _chunk[i]);
            }

            for (int i = 0; i < count; i++)
            {
                Write(in _chunk[i]);
            }
        }
        finally
        {
            Array.Clear(_chunk);
            _running = false;
        }

        foreach (var enclave in _doomed)
        {
            state.Invalidate(enclave);
        }

        _doomed.Clear();
    }

    private int Isolate()
    {
        int count = 0;
        while (count < ScanCount && state.Pool.TryIsolate(out var page, out int owner, out ulong pageNumber))
        {
            _chunk[count++] = new Candidate(state.EnclaveOf(owner), page, pageNumber);
        }

        return count;
    }

    // The second chance (sgx_reclaimer_age): the first address space where the page is young saves it.
    private int Age(int count, bool ignoreAge)
    {
        int old = 0;
        for (int i = 0; i < count; i++)
        {
            var candidate = _chunk[i];
            if (!ignoreAge && IsYoung(in candidate))
            {
                state.Pool.MarkReclaimable(candidate.Page, candidate.Enclave.Number, candidate.PageNumber);
            }
            else
            {
                _chunk[old++] = candidate;
            }
        }

        return old;
    }

    // "maybe there are use cases where userspace would prefer to kill enclaves rather than swap EPC" (7 November 2018).
    private int Spare(int count)
    {
        int left = 0;
        for (int i = 0; i < count; i++)
        {
            var candidate = _chunk[i];
            if (candidate.Enclave.DiesOnReclaim)
            {
                state.Pool.MarkReclaimable(candidate.Page, candidate.Enclave.Number, candidate.PageNumber);
                _doomed.Add(candidate.Enclave);
            }
            else
            {
                _chunk[left++] = candidate;
            }
        }

        return left;
    }

    private static bool IsYoung(in Candidate candidate)
    {
        foreach (var addressSpace in candidate.Enclave.AddressSpaces)
        {
            if (addressSpace.TestAndClearYoung(new LinearAddress(candidate.PageNumber << 12)))
            {
                return true;
            }
        }

        return false;
    }

    // sgx_reclaimer_block takes the entries of a page away before it blocks the page. Nothing runs in between here, so those of pages
    // in a row go at once.
    private void Zap(int count)
    {
        for (int i = 0; i < count;)
        {
            int first = i++;
            while (i < count && _chunk[i].Enclave == _chunk[first].Enclave && _chunk[i].PageNumber == _chunk[i - 1].PageNumber + 1)
            {
                i++;
            }

            _chunk[first].Enclave.Zap(_chunk[first].PageNumber, i - first);
        }
    }

    // sgx_reclaimer_block: no new translation of the page from here on.
    private void Block(in Candidate candidate)
    {
        var result = Eblock.Execute(state.Machine, candidate.Page);

        // Linux goes on, with a line in its log: after a loss of power the page is not there (SGX_PG_INVLD).
        if (!result.IsSuccess && result.Error != SgxError.PgInvld)
        {
            throw new InvalidOperationException($"EBLOCK of a reclaimable page came to {result}.");
        }
    }

    // sgx_reclaimer_write
    private void Write(in Candidate candidate)
    {
        var enclave = candidate.Enclave;
        ref var page = ref enclave.Pages.TryGet(candidate.PageNumber, out bool exists);
        if (!exists || page.EpcIndex != candidate.Page.Index)
        {
            throw new InvalidOperationException($"The reclaimer holds {candidate.Page}, which its enclave does not.");
        }

        WriteOut(enclave, ref page, enclave.IndexOf(candidate.PageNumber));
        enclave.Storage.Remove(candidate.Page, enclave.OffsetOf(candidate.PageNumber));
        state.Pool.Give(candidate.Page);
        enclave.ResidentPageCount--;

        // The SECS goes last: with no child in the EPC, and never before EINIT, for nothing could load it then.
        if (enclave.ResidentPageCount == 0 && enclave.IsInitialized)
        {
            var secs = enclave.Secs.Epc;
            WriteOut(enclave, ref enclave.Secs, enclave.Size >> 12);
            if (!enclave.Secs.IsResident)
            {
                state.Pool.Give(secs);
            }
        }
    }

    // sgx_encl_ewb: first in the hope that a track has completed since the page was blocked, then with a track of our
    // own, then with every thread driven out, which cannot fail.
    private void WriteOut(SgxEnclave enclave, ref EnclavePage page, ulong index)
    {
        int versionSlot = enclave.Versions.AllocateSlot(out var vaPage, out int slot);
        int backing = enclave.Backing.Rent(index);
        var result = ExecuteEwb(enclave, in page, vaPage, slot, backing);
        if (result.Error == SgxError.NotTracked)
        {
            var secs = enclave.Secs.Epc;
            Etrack.Execute(state.Machine, secs);
            result = ExecuteEwb(enclave, in page, vaPage, slot, backing);
            if (result.Error == SgxError.NotTracked)
            {
                state.ForceExits(secs);
                result = ExecuteEwb(enclave, in page, vaPage, slot, backing);
            }
        }

        // A page that leaked holds the SECS (EREMOVE that failed by order). Linux would lose that one as well, and dereference NULL when it
        // is needed: here it stays.
        bool isHeld = result.Error == SgxError.ChildPresent && state.Pool.LeakedCount > 0;
        page.EpcIndex = isHeld ? page.EpcIndex : EnclavePage.None;
        if (isHeld || IsPowerLost(result))
        {
            enclave.Versions.FreeSlot(versionSlot);
            enclave.Backing.Return(backing);
            return;
        }

        if (!result.IsSuccess)
        {
            throw new InvalidOperationException($"EWB with every thread outside the enclave came to {result}.");
        }

        state.Counters.Evictions++;
        if (!enclave.Backing.Commit(backing))
        {
            // Memory that the program gave and took away: the page is lost, and with it the enclave. The slot has a
            // version in it and is not used again.
            _doomed.Add(enclave);
            return;
        }

        page.Backing = backing;
        page.VersionSlot = versionSlot;
    }

    // Linux, encls_failed: a page fault is no failure of the driver's, the EPC was lost. The page is in neither place then.
    private static bool IsPowerLost(LeafResult result) =>
        result is { Status: LeafStatus.Fault, Fault.Vector: ExceptionVector.PageFault };

    private LeafResult ExecuteEwb(SgxEnclave enclave, in EnclavePage page, EpcPage vaPage, int slot, int backing) =>
        Ewb.Execute(
            state.Machine,
            page.Epc,
            vaPage,
            slot,
            enclave.Backing.Contents(backing),
            enclave.Backing.Pcmd(backing),
            out _);

    private readonly record struct Candidate(SgxEnclave Enclave, EpcPage Page, ulong PageNumber);
}
