using System.Runtime.InteropServices;

namespace Cloister.Architecture;

/// <summary>Which key EGETKEY shall derive. SDM 3D, "KEY REQUEST (KEYREQUEST)".</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
public struct Keyrequest
{
    /// <summary>Its size in bytes, and its alignment.</summary>
    public const int SizeInBytes = 512;

    /// <summary>Which key.</summary>
    [FieldOffset(0)] public KeyName Keyname;

    /// <summary>From what it is derived.</summary>
    [FieldOffset(2)] public Keypolicy Keypolicy;

    /// <summary>Security version of the enclave.</summary>
    [FieldOffset(4)] public ushort Isvsvn;

    /// <summary>Which CET attributes count.</summary>
    [FieldOffset(6)] public byte CetAttributesMask;

    /// <summary>Must be zero.</summary>
    [FieldOffset(7)] public byte Reserved1;

    /// <summary>Security version of the processor.</summary>
    [FieldOffset(8)] public Bytes16 Cpusvn;

    /// <summary>Which attributes count.</summary>
    [FieldOffset(24)] public Attributes Attributemask;

    /// <summary>Against key wear-out.</summary>
    [FieldOffset(40)] public Bytes32 Keyid;

    /// <summary>Which bits of MISCSELECT count.</summary>
    [FieldOffset(72)] public Miscselect Miscmask;

    /// <summary>Security version of the configuration (KSS).</summary>
    [FieldOffset(76)] public ushort Configsvn;

    /// <summary>Must be zero.</summary>
    [FieldOffset(78)] public Bytes434 Reserved2;
}
