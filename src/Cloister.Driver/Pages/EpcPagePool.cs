using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Driver.Pages;

/// <summary>
/// The free list and the list of reclaimable pages over all EPC pages (struct sgx_epc_page, the free_page_list and
/// sgx_active_page_list). Links are indices into one array without references, so that a large EPC costs the garbage
/// collector nothing; pages never used are a cursor, and have no memory there.
/// </summary>
internal sealed class EpcPagePool
{
    private const int None = -1;

    private readonly EpcArray<Descriptor> _pages;
    private int _neverUsed;
    private int _freeHead = None;
    private int _freeTail = None;
    private int _activeHead = None;
    private int _activeTail = None;
    private int _free;

    public EpcPagePool(int pageCount)
    {
        _pages = new EpcArray<Descriptor>(pageCount);
        _free = pageCount;
    }

    private enum State : byte
    {
        Free,
        Taken,
        Active,
        Isolated,
        Leaked,
    }

    /// <summary>All pages.</summary>
    public int TotalCount => _pages.Length;

    /// <summary>Pages nobody owns and anybody may have (sgx_nr_free_pages).</summary>
    public int FreeCount => Math.Max(0, _free - WithheldCount);

    /// <summary>Pages that others have, for all that is known here: as many of those that nobody owns are not to be had.</summary>
    public int WithheldCount { get; set; }

    /// <summary>Pages that can be had in all.</summary>
    public int LimitCount => TotalCount - WithheldCount;

    /// <summary>Pages that are owned beyond <see cref="LimitCount"/>.</summary>
    public int ExcessCount => Math.Max(0, WithheldCount - _free);

    /// <summary>Pages on the active list.</summary>
    public int ActiveCount { get; private set; }

    /// <summary>Pages that nobody gets any more.</summary>
    public int LeakedCount { get; private set; }

    /// <summary>Takes the page that has been free the longest of those that were used before, else one that never was.</summary>
    /// <remarks>
    /// Linux takes whatever has been free the longest. Here a page that was used has its memory and its entries in the books already.
    /// </remarks>
    public bool TryTake(out EpcPage page)
    {
        int index;
        if (FreeCount == 0)
        {
            page = default;
            return false;
        }

        if (_freeHead != None)
        {
            index = _freeHead;
            _freeHead = _pages[index].Next;
            if (_freeHead == None)
            {
                _freeTail = None;
            }
        }
        else if (_neverUsed < _pages.Length)
        {
            index = _neverUsed++;
        }
        else
        {
            page = default;
            return false;
        }

        _pages[index] = new Descriptor { State = State.Taken, Next = None, Previous = None, Owner = None };
        _free--;
        page = new EpcPage(index);
        return true;
    }

    /// <summary>Gives a page back; it must be invalid in the EPCM by now.</summary>
    public void Give(EpcPage page)
    {
        ref var descriptor = ref _pages[page.Index];
        if (descriptor.State is not (State.Taken or State.Isolated))
        {
            throw new InvalidOperationException($"EPC page {page.Index} is given back while {descriptor.State}.");
        }

        descriptor = new Descriptor { State = State.Free, Next = None, Previous = None, Owner = None };
        if (_freeTail == None)
        {
            _freeHead = page.Index;
        }
        else
        {
            _pages[_freeTail].Next = page.Index;
        }

        _freeTail = page.Index;
        _free++;
    }

    /// <summary>A page is never given back: what the processor has in it could not be removed.</summary>
    public void Leak(EpcPage page)
    {
        ref var descriptor = ref _pages[page.Index];
        if (descriptor.State != State.Taken)
        {
            throw new InvalidOperationException($"EPC page {page.Index} leaks while {descriptor.State}.");
        }

        descriptor.State = State.Leaked;
        LeakedCount++;
    }

    /// <summary>Puts a page at the tail of the active list (sgx_mark_page_reclaimable).</summary>
    /// <param name="page">A page taken or isolated.</param>
    /// <param name="owner">Number of the enclave it belongs to.</param>
    /// <param name="pageNumber">Linear page number in that enclave.</param>
    public void MarkReclaimable(EpcPage page, int owner, ulong pageNumber)
    {
        ref var descriptor = ref _pages[page.Index];
        if (descriptor.State is not (State.Taken or State.Isolated))
        {
            throw new InvalidOperationException($"EPC page {page.Index} is made reclaimable while {descriptor.State}.");
        }

        descriptor = new Descriptor
        {
            State = State.Active,
            Owner = owner,
            PageNumber = pageNumber,
            Next = None,
            Previous = _activeTail,
        };
        if (_activeTail == None)
        {
            _activeHead = page.Index;
        }
        else
        {
            _pages[_activeTail].Next = page.Index;
        }

        _activeTail = page.Index;
        ActiveCount++;
    }

    /// <summary>Takes a page off the active list (sgx_unmark_page_reclaimable); false while the reclaimer holds it.</summary>
    public bool TryUnmarkReclaimable(EpcPage page)
    {
        ref var descriptor = ref _pages[page.Index];
        switch (descriptor.State)
        {
            case State.Isolated:
                return false;
            case State.Active:
                Unlink(page.Index);
                descriptor.State = State.Taken;
                return true;
            default:
                return true;
        }
    }

    /// <summary>Isolates the head of the active list for the reclaimer.</summary>
    public bool TryIsolate(out EpcPage page, out int owner, out ulong pageNumber)
    {
        if (_activeHead == None)
        {
            (page, owner, pageNumber) = (default, None, 0);
            return false;
        }

        return TryIsolate(page = new EpcPage(_activeHead), out owner, out pageNumber);
    }

    /// <summary>Isolates a page for the reclaimer; false where it is none that may be reclaimed.</summary>
    public bool TryIsolate(EpcPage page, out int owner, out ulong pageNumber)
    {
        ref var descriptor = ref _pages[page.Index];
        if (descriptor.State != State.Active)
        {
            (owner, pageNumber) = (None, 0);
            return false;
        }

        Unlink(page.Index);
        descriptor.State = State.Isolated;
        (owner, pageNumber) = (descriptor.Owner, descriptor.PageNumber);
        return true;
    }

    /// <summary>Counts the free list by walking it: what <see cref="FreeCount"/> and <see cref="WithheldCount"/> come to.</summary>
    public int CountFreeByWalking()
    {
        int count = _pages.Length - _neverUsed;
        for (int index = _freeHead; index != None; index = _pages[index].Next)
        {
            count++;
        }

        return count;
    }

    private void Unlink(int index)
    {
        ref var descriptor = ref _pages[index];
        if (descriptor.Previous == None)
        {
            _activeHead = descriptor.Next;
        }
        else
        {
            _pages[descriptor.Previous].Next = descriptor.Next;
        }

        if (descriptor.Next == None)
        {
            _activeTail = descriptor.Previous;
        }
        else
        {
            _pages[descriptor.Next].Previous = descriptor.Previous;
        }

        descriptor.Next = None;
        descriptor.Previous = None;
        ActiveCount--;
    }

    private struct Descriptor
    {
        public ulong PageNumber;
        public int Owner;
        public int Next;
        public int Previous;
        public State State;
    }
}
