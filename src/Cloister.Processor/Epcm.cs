using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>Enclave Page Cache Map: one entry for each EPC page. Leaves write it, everybody else may read it.</summary>
public sealed class Epcm
{
    private readonly EpcmEntry[] entries;

    internal Epcm(int pages)
    {
        entries = new EpcmEntry[pages];
    }

    /// <summary>How many pages the EPC has.</summary>
    public int PageCount => entries.Length;

    /// <summary>A page's entry.</summary>
    public ref readonly EpcmEntry this[EpcPage page] => ref entries[page.Index];

    /// <summary>Whether it is a page of the EPC.</summary>
    public bool Contains(EpcPage page) => (uint)page.Index < (uint)entries.Length;

    internal ref EpcmEntry Entry(EpcPage page) => ref entries[page.Index];

    /// <summary>Makes every page invalid.</summary>
    internal void Clear() => Array.Clear(entries);
}
