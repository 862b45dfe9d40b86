using Cloister.Architecture;

namespace Cloister.Driver.Pages;

/// <summary>
/// The version array pages of one enclave, and the count of pages they must have room for
/// (sgx_encl::va_pages and page_cnt): one array page for each 512 pages, the SECS counted in.
/// </summary>
internal sealed class VersionArrays
{
    private readonly List<VaPage> _pages = [];
    private readonly Stack<VaPage> _withFreeSlots = [];

    /// <summary>Pages counted so far, including the SECS.</summary>
    public int PageCount { get; private set; }

    /// <summary>Whether the next page needs another array page first.</summary>
    public bool NeedsPage => PageCount % VaPage.SlotCount == 0;

    /// <summary>The array pages, in the order they were added.</summary>
    public IReadOnlyList<VaPage> Pages => _pages;

    /// <summary>Counts a page (the end of sgx_encl_grow).</summary>
    public void Grow() => PageCount++;

    /// <summary>Counts a page off (sgx_encl_shrink); array pages stay.</summary>
    public void Shrink() => PageCount--;

    /// <summary>Adds an array page.</summary>
    public void Add(EpcPage page)
    {
        var added = new VaPage(page, _pages.Count);
        _pages.Add(added);
        List(added);
    }

    /// <summary>Takes the array page added last out again, unused.</summary>
    public EpcPage RemoveLast()
    {
        var last = _pages[^1];
        if (last.Used != 0 || !ReferenceEquals(_withFreeSlots.Pop(), last))
        {
            throw new InvalidOperationException("The version array page added last is in use.");
        }

        _pages.RemoveAt(_pages.Count - 1);
        return last.Page;
    }

    /// <summary>Forgets all array pages.</summary>
    public void Clear()
    {
        _pages.Clear();
        _withFreeSlots.Clear();
        PageCount = 0;
    }

    /// <summary>Takes a slot. There is always one: the array pages have room for every page counted.</summary>
    /// <param name="page">EPC page of the array.</param>
    /// <param name="slot">0 to 511.</param>
    /// <returns>The number under which the slot is found again.</returns>
    public int AllocateSlot(out EpcPage page, out int slot)
    {
        var first = _withFreeSlots.Peek();
        slot = first.AllocateSlot();
        page = first.Page;
        if (first.IsFull)
        {
            _withFreeSlots.Pop().IsListed = false;
        }

        return (first.Ordinal * VaPage.SlotCount) + slot;
    }

    /// <summary>The array page and slot of a number.</summary>
    public (EpcPage Page, int Slot) Find(int number) =>
        (_pages[number / VaPage.SlotCount].Page, number % VaPage.SlotCount);

    /// <summary>Gives a slot back.</summary>
    public void FreeSlot(int number)
    {
        var page = _pages[number / VaPage.SlotCount];
        page.FreeSlot(number % VaPage.SlotCount);
        List(page);
    }

    private void List(VaPage page)
    {
        if (!page.IsListed)
        {
            page.IsListed = true;
            _withFreeSlots.Push(page);
        }
    }
}
