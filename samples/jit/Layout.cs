using Cloister.Architecture;

namespace JitSample;

/// <summary>Where things are in the enclave: offsets in bytes.</summary>
internal static class Layout
{
    public const ulong Page = LinearAddress.PageSize;

    /// <summary>The whole enclave.</summary>
    public const ulong Size = 0x100000;

    public const ulong Compiler = 0;

    /// <summary>Where code is emitted: a page that may be written and never runs.</summary>
    public const ulong Staging = 1 * Page;

    /// <summary>The TCS, a page of the thread's own, and its state save area.</summary>
    public const ulong Thread = 2 * Page;

    public const ulong ThreadsOwn = 3 * Page;

    public const ulong Frames = 4 * Page;

    public const int FrameCount = 2;

    /// <summary>Where compiled functions go, a page each. Nothing is there at first.</summary>
    public const ulong CodeCache = 16 * Page;

    public const int CodePages = 64;
}
