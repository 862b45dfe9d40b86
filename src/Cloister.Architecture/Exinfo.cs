using System.Runtime.InteropServices;

namespace Cloister.Architecture;

/// <summary>The address and the error code of a fault, in a frame's MISC region. SDM 3D, "EXINFO Structure".</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
public struct Exinfo
{
    /// <summary>Its size in bytes.</summary>
    public const int SizeInBytes = 16;

    /// <summary>For #PF the faulting address, for #GP 0.</summary>
    [FieldOffset(0)] public ulong Maddr;

    /// <summary>The exception's error code.</summary>
    [FieldOffset(8)] public uint Errcd;

    /// <summary>Zero.</summary>
    [FieldOffset(12)] public uint Reserved;
}
