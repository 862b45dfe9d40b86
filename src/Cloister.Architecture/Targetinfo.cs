using System.Runtime.InteropServices;

namespace Cloister.Architecture;

/// <summary>For which enclave EREPORT makes its report. SDM 3D, "REPORT TARGET INFO (TARGETINFO)".</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
public struct Targetinfo
{
    /// <summary>Its size in bytes, and its alignment.</summary>
    public const int SizeInBytes = 512;

    /// <summary>The target's MRENCLAVE.</summary>
    [FieldOffset(0)] public Bytes32 Measurement;

    /// <summary>The target's ATTRIBUTES.</summary>
    [FieldOffset(32)] public Attributes Attributes;

    /// <summary>The target's CET attributes.</summary>
    [FieldOffset(48)] public byte CetAttributes;

    /// <summary>Must be zero.</summary>
    [FieldOffset(49)] public byte Reserved1;

    /// <summary>The target's CONFIGSVN.</summary>
    [FieldOffset(50)] public ushort Configsvn;

    /// <summary>The target's MISCSELECT.</summary>
    [FieldOffset(52)] public Miscselect Miscselect;

    /// <summary>Must be zero.</summary>
    [FieldOffset(56)] public ulong Reserved2;

    /// <summary>The target's CONFIGID.</summary>
    [FieldOffset(64)] public Bytes64 Configid;

    /// <summary>Must be zero.</summary>
    [FieldOffset(128)] public Bytes384 Reserved3;
}
