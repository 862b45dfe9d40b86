using Cloister.Architecture;

namespace Cloister.Driver;

/// <summary>
/// Where the bytes of the EPC pages live that programs can map: one per open file of the device, so that a mapping of
/// the file at the same offset shows the page. SECS and version array pages are never placed.
/// </summary>
public interface IEnclaveStorage
{
    /// <summary>From now on the memory of <paramref name="page"/> is the file's page at <paramref name="offset"/>.</summary>
    /// <param name="page">An EPC page that is not placed.</param>
    /// <param name="offset">Bytes from the enclave's base (or the file's start for virtual EPC), a multiple of 4096.</param>
    void Place(EpcPage page, ulong offset);

    /// <summary>The page goes away from the file; the memory at the offset can be given back.</summary>
    /// <param name="page">A page placed before.</param>
    /// <param name="offset">The offset it was placed at.</param>
    void Remove(EpcPage page, ulong offset);

    /// <summary>
    /// Pages with these contents will be placed in a row and filled: memory for them can be got, and they can be brought there, in one go.
    /// It may as well be ignored.
    /// </summary>
    /// <param name="offset">Offset of the first, which may be placed already; no page is placed at the others.</param>
    /// <param name="contents">4096 bytes for each; they stay until <see cref="ExpectNoMore"/> or the next call.</param>
    void Expect(ulong offset, ReadOnlyMemory<byte> contents)
    {
    }

    /// <summary>Those that were expected and not filled will not come.</summary>
    void ExpectNoMore()
    {
    }
}
