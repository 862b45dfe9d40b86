using System.Numerics;
using Cloister.Architecture;

namespace Cloister.Driver.Pages;

/// <summary>A version array page: 512 slots, one for each page written out (struct sgx_va_page).</summary>
internal sealed class VaPage(EpcPage page, int ordinal)
{
    /// <summary>Slots of a version array page (SGX_VA_SLOT_COUNT).</summary>
    public const int SlotCount = 512;

    private readonly ulong[] _slots = new ulong[SlotCount / 64];

    /// <summary>The EPC page.</summary>
    public EpcPage Page { get; } = page;

    /// <summary>Its place among the version array pages of its enclave.</summary>
    public int Ordinal { get; } = ordinal;

    /// <summary>Whether the page waits in the enclave's list of pages with a free slot.</summary>
    public bool IsListed { get; set; }

    /// <summary>Slots taken.</summary>
    public int Used { get; private set; }

    /// <summary>Whether every slot is taken (sgx_va_page_full).</summary>
    public bool IsFull => Used == SlotCount;

    /// <summary>Takes the lowest free slot (sgx_alloc_va_slot); the page must not be full.</summary>
    public int AllocateSlot()
    {
        for (int word = 0; word < _slots.Length; word++)
        {
            if (_slots[word] != ulong.MaxValue)
            {
                int bit = BitOperations.TrailingZeroCount(~_slots[word]);
                _slots[word] |= 1UL << bit;
                Used++;
                return (word << 6) + bit;
            }
        }

        throw new InvalidOperationException("The version array page has no free slot.");
    }

    /// <summary>Gives a slot back (sgx_free_va_slot).</summary>
    public void FreeSlot(int slot)
    {
        ulong bit = 1UL << (slot & 63);
        if ((_slots[slot >> 6] & bit) == 0)
        {
            throw new InvalidOperationException($"Version array slot {slot} is free already.");
        }

        _slots[slot >> 6] &= ~bit;
        Used--;
    }
}
