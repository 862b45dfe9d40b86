namespace Cloister.Images;

/// <summary>
/// What the SDK's memory manager (sgx-emm) takes for its books: one record for each range, and a bit for each page. The signer reserves
/// it as user region. manage_metadata.cpp, calculate_rts_bk_overhead; intel/sgx-emm, include/ema_imp.h and include/bit_array_imp.h.
/// </summary>
internal static class SdkBookkeeping
{
    // sizeof(struct ema_t_) and sizeof(struct bit_array_) on x86-64.
    private const ulong Record = 72;
    private const ulong BitArray = 24;
    private const ulong Block = 0x10000;
    private const ulong Guard = 0x8000;

    // sgx-emm's emalloc holds 2^28 bytes at most: 30 reservations, each twice the one before.
    private const int MaximumReservations = 30;

    /// <summary>
    /// Pages of the user region, the configuration's own included, and the bytes of bookkeeping to be told to the runtime.
    /// </summary>
    public static (ulong Pages, ulong Bookkeeping) UserRegion(SdkEnclaveParts parts, SdkParameters parameters, uint ssaFrameSize)
    {
        ulong books = Books(parts, parameters, ssaFrameSize);
        ulong user = parameters.UserRegion * SdkLayoutTable.PageSize;

        // A byte of books covers eight pages.
        ulong userBooks = RoundUp(user >> 15, SdkLayoutTable.PageSize);
        if (parts.Release.HasAexNotify)
        {
            ulong more = user == 0 ? 0 : Math.Max(userBooks, SdkLayoutTable.PageSize);
            ulong reserved = RoundUp(books + more + 32, Block);
            return ((user + reserved + (2 * Guard)) / SdkLayoutTable.PageSize, reserved);
        }

        ulong region = parts.Release.Number >= new Version(2, 19) ? Reservations(books)
            : RoundUp(books + (2 * Block), SdkLayoutTable.PageSize);
        return ((region + user + userBooks) / SdkLayoutTable.PageSize, 0);
    }

    // 2.19: emalloc reserves 64 KiB, then twice as much each time, with a gap before and behind each.
    private static ulong Reservations(ulong books)
    {
        int count = 64 - System.Numerics.BitOperations.LeadingZeroCount(RoundUp(books, Block) / Block);
        return count < MaximumReservations
            ? ((1UL << count) - 1 + (ulong)count) * Block
            : throw new ImageException("the configuration asks for more memory than the SDK's memory manager can keep books of");
    }

    private static ulong Books(SdkEnclaveParts parts, SdkParameters parameters, uint ssaFrameSize)
    {
        ulong record = Allocated(parts.Release, Record);
        ulong Range(ulong pages) => record + Allocated(parts.Release, BitArray) + Bits(parts.Release, pages);
        ulong Ranges(ulong minimum, ulong initial, ulong maximum)
            => Range(minimum) + (initial > minimum ? Range(initial - minimum) : 0) + (maximum > initial ? Range(maximum - initial) : 0);

        bool stackGrows = parameters.StackMaximum > parameters.StackMinimum;
        ulong stack = Range(parameters.StackMinimum) + (stackGrows ? Range(parameters.StackMaximum - parameters.StackMinimum) : 0);
        ulong thread = (3 * record) + stack + Range(1) + Range(ssaFrameSize * SdkLayoutTable.SsaFrames) + Range(parts.TdPages);
        ulong removedThread = (stackGrows ? 8u : 7u) * record;
        ulong threads = 1 + (ulong)parameters.StaticThreads
            + (parameters.HasDynamicThreads ? parameters.ThreadsMaximum - parameters.StaticThreads : 0);
        return Ranges(parameters.HeapMinimum, parameters.HeapInitial, parameters.HeapMaximum)
            + Ranges(parameters.ReservedMinimum, parameters.ReservedInitial, parameters.ReservedMaximum)
            + (threads * thread)
            + ((1 + (ulong)parameters.RemovedThreads) * removedThread)
            + parts.SegmentPages.Aggregate(0UL, (sum, pages) => sum + Range(pages))
            + (parts.Release.HasAexNotify ? record : 0);
    }

    // What emalloc takes: 2.18 counted none of its own, 2.19 its alignment, 2.20 its header and its least block.
    private static ulong Allocated(SdkRelease release, ulong size)
        => release.HasAexNotify ? Math.Max(16, RoundUp(size + 8, 8)) : release.Number >= new Version(2, 19) ? RoundUp(size, 16) : size;

    private static ulong Bits(SdkRelease release, ulong pages)
        => release.HasAexNotify ? Allocated(release, RoundUp(pages, 8) / 8)
        : RoundUp(pages, release.Number >= new Version(2, 19) ? 128u : 8u) / 8;

    private static ulong RoundUp(ulong value, ulong to) => (value + to - 1) / to * to;
}
