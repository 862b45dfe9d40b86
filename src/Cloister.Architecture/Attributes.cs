using System.Runtime.InteropServices;

namespace Cloister.Architecture;

/// <summary>ATTRIBUTES: 64 flags and XFRM. SDM 3D, "ATTRIBUTES".</summary>
/// <param name="Flags">Bits 63:0.</param>
/// <param name="Xfrm">Bits 127:64: the XCR0 value the enclave runs with.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct Attributes(AttributeFlags Flags, ulong Xfrm)
{
    /// <summary>The x87 and SSE components, which every XFRM must have. SDM 3D, "XFRM".</summary>
    public const ulong XfrmLegacy = 3;

    /// <summary>The attributes that are set in both.</summary>
    public static Attributes operator &(Attributes left, Attributes right)
        => new(left.Flags & right.Flags, left.Xfrm & right.Xfrm);

    /// <summary>The attributes that are set in either.</summary>
    public static Attributes operator |(Attributes left, Attributes right)
        => new(left.Flags | right.Flags, left.Xfrm | right.Xfrm);

    /// <summary>Same as the operator.</summary>
    public static Attributes BitwiseAnd(Attributes left, Attributes right) => left & right;

    /// <summary>Same as the operator.</summary>
    public static Attributes BitwiseOr(Attributes left, Attributes right) => left | right;
}
