using Cloister.Architecture;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Memory;

/// <summary>The bytes of the EPC. A page of an enclave lies in the enclave's own file, where programs can map it; the
/// rest lies in a private one.</summary>
internal sealed class EpcMemory : IEpcMemory, IDisposable
{
    private readonly MappedFile _private;
    private readonly EpcArray<(EnclaveFile? File, ulong Offset)> _places;

    // Placed, and not reached since: the file has no memory there, and it reads as zeros.
    private readonly EpcArray<bool> _empty;

    public EpcMemory(int pages)
    {
        _private = MappedFile.Create("cloister-epc", (long)pages * 4096);
        _places = new EpcArray<(EnclaveFile?, ulong)>(pages);
        _empty = new EpcArray<bool>(pages);
    }

    public int PageCount => _places.Length;

    /// <summary>The pages below this number have been used; none above was placed in a file.</summary>
    public int UsedCount { get; private set; }

    public Span<byte> this[EpcPage page]
    {
        get
        {
            (EnclaveFile? file, ulong offset) = _places[page.Index];
            _empty[page.Index] = false;
            return file is null ? _private.Slice((long)page.Index * 4096, 4096) : file.Bytes(offset);
        }
    }

    public void Fill(EpcPage page, ReadOnlySpan<byte> contents)
    {
        (EnclaveFile? file, ulong offset) = _places[page.Index];
        if (file is null)
        {
            contents.CopyTo(this[page]);
        }
        else
        {
            file.Fill(offset, contents);
            _empty[page.Index] = false;
        }
    }

    public void Clear(EpcPage page)
    {
        if (!_empty[page.Index])
        {
            this[page].Clear();
        }
    }

    public ReadOnlySpan<byte> Contents(EpcPage page)
    {
        (EnclaveFile? file, ulong offset) = _places[page.Index];
        return file is null ? this[page] : file.Contents(offset);
    }

    /// <summary>Where a page lies, or null when it is not placed in an enclave's file.</summary>
    public (EnclaveFile File, ulong Offset)? PlaceOf(EpcPage page) =>
        _places[page.Index] is ({ } file, var offset) ? (file, offset) : null;

    public void Place(EpcPage page, EnclaveFile file, ulong offset)
    {
        (_places[page.Index], _empty[page.Index]) = ((file, offset), true);
        UsedCount = Math.Max(UsedCount, page.Index + 1);
    }

    public void Remove(EpcPage page) => (_places[page.Index], _empty[page.Index]) = (default, false);

    /// <summary>Every byte is lost. What programs have mapped follows.</summary>
    public void LosePower()
    {
        _private.Punch(0, _private.Length);
        for (int page = 0; page < UsedCount; page++)
        {
            (EnclaveFile? file, ulong offset) = _places[page];
            file?.LosePower(offset);
        }
    }

    public void Dispose() => _private.Dispose();
}
