using Cloister.Architecture;

namespace Cloister.Lab.Program;

/// <summary>Where things are in the enclave of the experiment: offsets in bytes.</summary>
internal static class EnclaveLayout
{
    public const ulong Page = LinearAddress.PageSize;

    public const ulong Code = 0;

    /// <summary>Where code is emitted before it is copied into its page.</summary>
    public const ulong Staging = 1 * Page;

    /// <summary>The TCS, behind it a page of the thread's own, behind that its state save area.</summary>
    public const ulong Thread = 2 * Page;

    public const ulong ThreadsOwn = 3 * Page;

    public const ulong Frames = 4 * Page;

    /// <summary>State save area frames: one for a fault, one for a fault in its handler, one to spare.</summary>
    public const int FrameCount = 3;

    /// <summary>Pages that every enclave of the experiment has.</summary>
    public const int FixedPages = 4 + FrameCount;

    /// <summary>Where the pages begin that the experiment is about.</summary>
    public const ulong Range = 16 * Page;

    /// <summary>SECS.SIZE for a range: a power of two (SDM 3D, ECREATE).</summary>
    public static ulong SizeFor(int pages) => System.Numerics.BitOperations.RoundUpToPowerOf2(Range + ((ulong)pages * Page));
}
