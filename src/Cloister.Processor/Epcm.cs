using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>Enclave Page Cache Map: one entry for each EPC page. Leaves write it, everybody else may read it.</summary>
public sealed class Epcm
{
    private const int MostRemembered = 1 << 14;

    private readonly EpcArray<EpcmEntry> entries;
    private readonly Dictionary<(EpcPage Secs, LinearAddress Address), EpcPage> remembered = [];
    private int used;

    internal Epcm(int pages)
    {
        entries = new EpcArray<EpcmEntry>(pages);
    }

    /// <summary>How many pages the EPC has.</summary>
    public int PageCount => entries.Length;

    /// <summary>A page's entry.</summary>
    public ref readonly EpcmEntry this[EpcPage page] => ref entries[page.Index];

    /// <summary>Whether it is a page of the EPC.</summary>
    public bool Contains(EpcPage page) => (uint)page.Index < (uint)entries.Length;

    internal ref EpcmEntry Entry(EpcPage page)
    {
        used = Math.Max(used, page.Index + 1);
        return ref entries[page.Index];
    }

    /// <summary>
    /// Finds a page of an enclave by its address, whatever it has become (EMODT). A large EPC is not searched twice for the same page.
    /// </summary>
    internal EpcPage? Find(EpcPage secs, LinearAddress address)
    {
        if (remembered.TryGetValue((secs, address), out EpcPage page) && Is(page, secs, address))
        {
            return page;
        }

        for (int index = 0; index < used; index++)
        {
            page = new EpcPage(index);
            if (Is(page, secs, address))
            {
                if (remembered.Count >= MostRemembered)
                {
                    remembered.Clear();
                }

                remembered[(secs, address)] = page;
                return page;
            }
        }

        return null;
    }

    private bool Is(EpcPage page, EpcPage secs, LinearAddress address)
    {
        ref readonly EpcmEntry entry = ref entries[page.Index];
        return entry.Valid && entry.EnclaveSecs == secs && entry.EnclaveAddress == address && entry.PageType is not (PageType.Secs
            or PageType.Va);
    }

    /// <summary>Makes every page invalid.</summary>
    internal void Clear() => entries.Clear();
}
