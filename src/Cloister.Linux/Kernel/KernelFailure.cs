using System.Runtime.InteropServices;

namespace Cloister.Linux.Kernel;

/// <summary>struct linux_failure of native/linux-driver/embedding.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KernelFailure
{
    private const int MostBytes = 512, MostFrames = 32;

    /// <summary>What is wrong, in the kernel's words.</summary>
    public fixed byte Text[MostBytes];

    /// <summary>Where, the innermost call first.</summary>
    public fixed ulong Frames[MostFrames];

    /// <summary>How many of them.</summary>
    public int Count;
}
