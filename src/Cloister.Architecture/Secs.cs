using System.Runtime.InteropServices;

namespace Cloister.Architecture;

/// <summary>SGX Enclave Control Structure, one EPC page. SDM 3D, "SGX ENCLAVE CONTROL STRUCTURE (SECS)".</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
public struct Secs
{
    /// <summary>Its size in bytes.</summary>
    public const int SizeInBytes = 4096;

    /// <summary>Size of the enclave in bytes, a power of two.</summary>
    [FieldOffset(0)] public ulong Size;

    /// <summary>Linear base address, a multiple of the size.</summary>
    [FieldOffset(8)] public ulong BaseAddr;

    /// <summary>Size of one state save area frame in pages.</summary>
    [FieldOffset(16)] public uint SsaFrameSize;

    /// <summary>What the MISC region of a frame holds.</summary>
    [FieldOffset(20)] public Miscselect Miscselect;

    /// <summary>Offset of the legacy code page bitmap (CET).</summary>
    [FieldOffset(24)] public ulong CetLegBitmapOffset;

    /// <summary>CET attributes.</summary>
    [FieldOffset(32)] public byte CetAttributes;

    /// <summary>Must be zero.</summary>
    [FieldOffset(33)] public Bytes15 Reserved1;

    /// <summary>ATTRIBUTES.</summary>
    [FieldOffset(48)] public Attributes Attributes;

    /// <summary>The measurement; written by EINIT.</summary>
    [FieldOffset(64)] public Bytes32 Mrenclave;

    /// <summary>Reserved.</summary>
    [FieldOffset(96)] public Bytes32 Reserved2;

    /// <summary>SHA-256 of the signer's modulus; written by EINIT.</summary>
    [FieldOffset(128)] public Bytes32 Mrsigner;

    /// <summary>Reserved.</summary>
    [FieldOffset(160)] public Bytes32 Reserved3;

    /// <summary>Configuration the enclave's creator chose (KSS).</summary>
    [FieldOffset(192)] public Bytes64 Configid;

    /// <summary>Product number; written by EINIT.</summary>
    [FieldOffset(256)] public ushort Isvprodid;

    /// <summary>Security version; written by EINIT.</summary>
    [FieldOffset(258)] public ushort Isvsvn;

    /// <summary>Security version of the configuration (KSS).</summary>
    [FieldOffset(260)] public ushort Configsvn;

    /// <summary>Reserved.</summary>
    [FieldOffset(262)] public Bytes3834 Reserved4;
}
