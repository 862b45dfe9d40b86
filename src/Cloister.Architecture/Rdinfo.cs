using System.Runtime.InteropServices;

namespace Cloister.Architecture;

/// <summary>What ERDINFO says of an EPC page. SDM 3D, "RDINFO".</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
public struct Rdinfo
{
    /// <summary>Its size in bytes; its alignment is 32.</summary>
    public const int SizeInBytes = 24;

    /// <summary>STATUS.CHILDPRESENT: the SECS has pages in the EPC.</summary>
    public const ulong ChildPresent = 1UL << 0;

    /// <summary>STATUS.VIRTCHILDPRESENT.</summary>
    public const ulong VirtualChildPresent = 1UL << 1;

    /// <summary>FLAGS.BLOCKED. The other bits of FLAGS are those of <see cref="SecinfoFlags"/>.</summary>
    public const ulong Blocked = 1UL << 63;

    /// <summary>STATUS.</summary>
    [FieldOffset(0)] public ulong Status;

    /// <summary>FLAGS.</summary>
    [FieldOffset(8)] public ulong Flags;

    /// <summary>ENCLAVECONTEXT of the owner.</summary>
    [FieldOffset(16)] public ulong EnclaveContext;
}
