namespace Cloister.Engine.Memory;

/// <summary>An address space that has mapped a device file, as the file and other address spaces of it see it.</summary>
internal interface IFileView
{
    /// <summary>Whether a page of a file can be reached at its linear address.</summary>
    bool Reaches(EnclaveFile file, ulong address);

    /// <summary>The EPCM entries of pages of a file in a row changed: what can really be reached follows.</summary>
    void Refresh(EnclaveFile file, ulong offset, int pages);

    /// <summary>The same of the page at an address.</summary>
    void Refresh(ulong page);

    /// <summary>Nobody writes to a page any more.</summary>
    void StopWriters(ulong page);

    /// <summary>The memory of a page was taken out of its file.</summary>
    void NotePunched(EnclaveFile file, ulong offset);

    /// <summary>An instruction is none of the illegal ones any more.</summary>
    void Unguard(IllegalSite site);
}
