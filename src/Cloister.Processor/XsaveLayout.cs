namespace Cloister.Processor;

/// <summary>Where the standard XSAVE format keeps each component: CPUID leaf 0xD. It differs between makers.</summary>
public sealed class XsaveLayout
{
    /// <summary>Bytes of the legacy region and the XSAVE header, before the first further component.</summary>
    public const int LegacyAndHeaderSize = 576;

    /// <summary>Where the XSAVE header begins: XSTATE_BV, XCOMP_BV and 48 reserved bytes.</summary>
    public const int HeaderOffset = 512;

    private readonly (int Offset, int Size)[] components = new (int, int)[63];

    /// <summary>A processor with x87 and SSE only.</summary>
    public static XsaveLayout Legacy { get; } = new([]);

    /// <summary>Intel's layout: AVX, MPX, AVX-512 and PKRU.</summary>
    public static XsaveLayout Intel { get; } = new(
        [(2, 576, 256), (3, 960, 64), (4, 1024, 64), (5, 1088, 64), (6, 1152, 512), (7, 1664, 1024), (9, 2688, 8)]);

    /// <summary>A layout from the sub-leaves of CPUID leaf 0xD.</summary>
    /// <param name="components">Component number (2 to 62), offset and size in bytes.</param>
    public XsaveLayout(params (int Component, int Offset, int Size)[] components)
    {
        ArgumentNullException.ThrowIfNull(components);
        Supported = Architecture.Attributes.XfrmLegacy;
        foreach ((int component, int offset, int size) in components)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(component, 2);
            ArgumentOutOfRangeException.ThrowIfLessThan(offset, LegacyAndHeaderSize);
            ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
            this.components[component] = (offset, size);
            Supported |= 1UL << component;
        }
    }

    /// <summary>The components there are, as bits of XCR0.</summary>
    public ulong Supported { get; }

    /// <summary>Bytes that an XSAVE area needs for these components.</summary>
    public int SizeOf(ulong xfrm)
    {
        int size = LegacyAndHeaderSize;
        for (ulong rest = xfrm & Supported & ~Architecture.Attributes.XfrmLegacy; rest != 0; rest &= rest - 1)
        {
            (int offset, int length) = components[System.Numerics.BitOperations.TrailingZeroCount(rest)];
            size = Math.Max(size, offset + length);
        }

        return size;
    }
}
