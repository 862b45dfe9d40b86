using System.Runtime.InteropServices;

namespace Cloister.Architecture;

/// <summary>An enclave's certificate. SDM 3D, "ENCLAVE SIGNATURE STRUCTURE (SIGSTRUCT)".</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
public struct Sigstruct
{
    /// <summary>Its size in bytes.</summary>
    public const int SizeInBytes = 1808;

    /// <summary>Where the first signed part, 128 bytes from offset 0, ends.</summary>
    public const int HeaderEnd = 128;

    /// <summary>Where the second signed part begins.</summary>
    public const int BodyOffset = 900;

    /// <summary>Where the second signed part, 128 bytes, ends.</summary>
    public const int BodyEnd = 1028;

    /// <summary>What <see cref="Header"/> must be.</summary>
    public static ReadOnlySpan<byte> ExpectedHeader => [0x06, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 0x01, 0, 0, 0, 0, 0];

    /// <summary>What <see cref="Header2"/> must be.</summary>
    public static ReadOnlySpan<byte> ExpectedHeader2 => [0x01, 0x01, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 0x01, 0, 0, 0];

    /// <summary>A constant.</summary>
    [FieldOffset(0)] public Bytes16 Header;

    /// <summary>0x8086 for Intel's enclaves, else 0.</summary>
    [FieldOffset(16)] public uint Vendor;

    /// <summary>Build date, yyyymmdd in BCD.</summary>
    [FieldOffset(20)] public uint Date;

    /// <summary>A constant.</summary>
    [FieldOffset(24)] public Bytes16 Header2;

    /// <summary>The signer's own.</summary>
    [FieldOffset(40)] public uint Swdefined;

    /// <summary>Must be zero.</summary>
    [FieldOffset(44)] public Bytes84 Reserved1;

    /// <summary>RSA modulus, little-endian.</summary>
    [FieldOffset(128)] public Bytes384 Modulus;

    /// <summary>RSA exponent: 3.</summary>
    [FieldOffset(512)] public uint Exponent;

    /// <summary>RSA signature over the header and the body, little-endian.</summary>
    [FieldOffset(516)] public Bytes384 Signature;

    /// <summary>MISCSELECT that the SECS must have, under <see cref="Miscmask"/>.</summary>
    [FieldOffset(900)] public Miscselect Miscselect;

    /// <summary>Which bits of MISCSELECT are enforced.</summary>
    [FieldOffset(904)] public Miscselect Miscmask;

    /// <summary>CET attributes that the SECS must have, under the mask.</summary>
    [FieldOffset(908)] public byte CetAttributes;

    /// <summary>Which bits of the CET attributes are enforced.</summary>
    [FieldOffset(909)] public byte CetAttributesMask;

    /// <summary>Must be zero.</summary>
    [FieldOffset(910)] public ushort Reserved2;

    /// <summary>Product family (KSS).</summary>
    [FieldOffset(912)] public Bytes16 Isvfamilyid;

    /// <summary>ATTRIBUTES that the SECS must have, under <see cref="Attributemask"/>.</summary>
    [FieldOffset(928)] public Attributes Attributes;

    /// <summary>Which attributes are enforced.</summary>
    [FieldOffset(944)] public Attributes Attributemask;

    /// <summary>MRENCLAVE.</summary>
    [FieldOffset(960)] public Bytes32 Enclavehash;

    /// <summary>Must be zero.</summary>
    [FieldOffset(992)] public Bytes16 Reserved3;

    /// <summary>Extended product number (KSS).</summary>
    [FieldOffset(1008)] public Bytes16 Isvextprodid;

    /// <summary>Product number.</summary>
    [FieldOffset(1024)] public ushort Isvprodid;

    /// <summary>Security version.</summary>
    [FieldOffset(1026)] public ushort Isvsvn;

    /// <summary>Must be zero.</summary>
    [FieldOffset(1028)] public Bytes12 Reserved4;

    /// <summary>floor(signature^2 / modulus), little-endian.</summary>
    [FieldOffset(1040)] public Bytes384 Q1;

    /// <summary>floor((signature^3 - Q1 * signature * modulus) / modulus), little-endian.</summary>
    [FieldOffset(1424)] public Bytes384 Q2;
}
