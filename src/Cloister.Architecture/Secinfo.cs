using System.Runtime.InteropServices;

namespace Cloister.Architecture;

/// <summary>What an EPC page is: permissions, state and type. SDM 3D, "SECURITY INFORMATION (SECINFO)".</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
public struct Secinfo
{
    /// <summary>Its size in bytes, and its alignment.</summary>
    public const int SizeInBytes = 64;

    /// <summary>FLAGS.</summary>
    [FieldOffset(0)] public SecinfoFlags Flags;

    /// <summary>Must be zero.</summary>
    [FieldOffset(8)] public Bytes56 Reserved;

    /// <summary>A SECINFO with these flags and its reserved bytes zero.</summary>
    public Secinfo(SecinfoFlags flags) => Flags = flags;

    /// <summary>A SECINFO of this type with these permissions and state bits.</summary>
    public Secinfo(PageType type, SecinfoFlags bits) => Flags = bits | (SecinfoFlags)((ulong)type << 8);

    /// <summary>FLAGS.PAGE_TYPE.</summary>
    public readonly PageType PageType => (PageType)(((ulong)Flags >> 8) & 0xff);

    /// <summary>FLAGS.R, W and X.</summary>
    public readonly SecinfoFlags Permissions => Flags & SecinfoFlags.PermissionMask;
}
