using System.Runtime.InteropServices;

namespace Cloister.Architecture;

/// <summary>A launch enclave's permission. SDM 3D, "EINIT TOKEN STRUCTURE (EINITTOKEN)".</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
public struct Einittoken
{
    /// <summary>Its size in bytes.</summary>
    public const int SizeInBytes = 304;

    /// <summary>The bytes from offset 0 that <see cref="Mac"/> covers.</summary>
    public const int MacCovers = 192;

    /// <summary>Bit 0: the token counts.</summary>
    [FieldOffset(0)] public uint Valid;

    /// <summary>Must be zero.</summary>
    [FieldOffset(4)] public Bytes44 Reserved1;

    /// <summary>The enclave's ATTRIBUTES.</summary>
    [FieldOffset(48)] public Attributes Attributes;

    /// <summary>The enclave's MRENCLAVE.</summary>
    [FieldOffset(64)] public Bytes32 Mrenclave;

    /// <summary>Reserved.</summary>
    [FieldOffset(96)] public Bytes32 Reserved2;

    /// <summary>The enclave's MRSIGNER.</summary>
    [FieldOffset(128)] public Bytes32 Mrsigner;

    /// <summary>Reserved.</summary>
    [FieldOffset(160)] public Bytes32 Reserved3;

    /// <summary>The launch enclave's CPUSVN.</summary>
    [FieldOffset(192)] public Bytes16 Cpusvnle;

    /// <summary>The launch enclave's ISVPRODID.</summary>
    [FieldOffset(208)] public ushort Isvprodidle;

    /// <summary>The launch enclave's ISVSVN.</summary>
    [FieldOffset(210)] public ushort Isvsvnle;

    /// <summary>The launch enclave's CET attributes, masked.</summary>
    [FieldOffset(212)] public byte CetMaskedAttributesLe;

    /// <summary>Reserved.</summary>
    [FieldOffset(213)] public Bytes23 Reserved4;

    /// <summary>The launch enclave's MISCSELECT, masked.</summary>
    [FieldOffset(236)] public Miscselect Maskedmiscselectle;

    /// <summary>The launch enclave's ATTRIBUTES, masked.</summary>
    [FieldOffset(240)] public Attributes Maskedattributesle;

    /// <summary>Against key wear-out.</summary>
    [FieldOffset(256)] public Bytes32 Keyid;

    /// <summary>CMAC with the EINITTOKEN key.</summary>
    [FieldOffset(288)] public Bytes16 Mac;
}
