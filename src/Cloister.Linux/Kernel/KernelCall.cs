using System.Runtime.InteropServices;

namespace Cloister.Linux.Kernel;

/// <summary>struct linux_call of native/linux-driver/embedding.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KernelCall
{
    /// <summary>The most arguments of a function.</summary>
    public const int MostArguments = 7;

    /// <summary>One of the functions of embedding.h; 0 for kernel threads alone.</summary>
    public nint Function;

    /// <summary>A register each.</summary>
    public fixed ulong Arguments[MostArguments];

    /// <summary>What it gave back, as a register has it.</summary>
    public long Result;

    /// <summary>Whose call it is.</summary>
    public nint AddressSpace;

    /// <summary>That one's personality.</summary>
    public ulong Personality;

    /// <summary>The C side's.</summary>
    public nint Task;
}
