using Cloister.Architecture;

namespace Cloister.Driver.Ioctls;

/// <summary>The pages that a program gives to be added, copied in many at once: a copy costs a system call.</summary>
internal sealed class SourcePages(ICaller caller, SgxEnclave enclave)
{
    private const int PagesAtOnce = 64, PageSize = LinearAddress.PageSize;

    private readonly byte[] _pages = GC.AllocateUninitializedArray<byte>(PagesAtOnce * PageSize);
    private ulong _start;
    private int _count;

    /// <summary>Forgets what was copied: the program runs on and may change it.</summary>
    public void Forget()
    {
        _count = 0;
        enclave.Storage.ExpectNoMore();
    }

    /// <summary>A page, for which the storage is prepared as well.</summary>
    /// <param name="source">Linear address.</param>
    /// <param name="offset">Where it comes to, in bytes from the enclave's base.</param>
    /// <param name="following">How many pages in a row will be asked for, this one included.</param>
    /// <param name="contents">4096 bytes, valid until the next call.</param>
    /// <returns>False when it cannot be read.</returns>
    public bool TryCopy(ulong source, ulong offset, int following, out ReadOnlySpan<byte> contents)
    {
        if (source - _start >= (ulong)_count * PageSize)
        {
            _start = source;
            _count = Absent(offset, Math.Clamp(following, 1, PagesAtOnce));
            if (!caller.CopyFromUser(source, _pages.AsSpan(0, _count * PageSize)))
            {
                // One of them cannot be read; this one may.
                _count = caller.CopyFromUser(source, _pages.AsSpan(0, PageSize)) ? 1 : 0;
            }

            enclave.Storage.Expect(offset, _pages.AsMemory(0, _count * PageSize));
        }

        bool copied = _count > 0;
        contents = copied ? _pages.AsSpan((int)(source - _start), PageSize) : default;
        return copied;
    }

    // This page, and those behind it that the enclave has not got yet.
    private int Absent(ulong offset, int most)
    {
        ulong number = (enclave.Base + offset).Value >> 12, next = number + 1;
        return enclave.Pages.TryNext(ref next, number + (ulong)most - 1) ? (int)(next - number) : most;
    }
}
