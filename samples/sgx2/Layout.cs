using Cloister.Architecture;

namespace Sgx2Sample;

/// <summary>Where things are in the enclave: offsets in bytes.</summary>
internal static class Layout
{
    public const ulong Page = LinearAddress.PageSize;

    /// <summary>The whole enclave.</summary>
    public const ulong Size = 0x100000;

    public const ulong Code = 0;

    public const ulong Data = 1 * Page;

    /// <summary>A TCS, a page of the thread's own, and its state save area.</summary>
    public const ulong FirstThread = 2 * Page;

    /// <summary>State save area frames of a thread: one for an exception, one for an exception in its handler, one to spare.</summary>
    public const int Frames = 3;

    public const ulong ThreadPages = 2 + Frames;

    public const ulong Heap = 16 * Page;

    public const ulong HeapPages = 16;

    /// <summary>Where the second thread will be.</summary>
    public const ulong SecondThread = 64 * Page;

    /// <summary>Offset of a thread's state save area.</summary>
    public static ulong FramesOf(ulong thread) => thread + (2 * Page);
}
