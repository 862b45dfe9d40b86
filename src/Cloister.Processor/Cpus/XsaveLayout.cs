namespace Cloister.Processor;

/// <summary>Where the standard XSAVE format keeps each component: CPUID leaf 0xD. It differs between makers.</summary>
public sealed class XsaveLayout
{
    /// <summary>Bytes of the legacy region and the XSAVE header, before the first further component.</summary>
    public const int LegacyAndHeaderSize = 576;

    /// <summary>Where the XSAVE header begins: XSTATE_BV, XCOMP_BV and 48 reserved bytes.</summary>
    public const int HeaderOffset = 512;

    private const uint Leaf = 0xd;
    private const int LastComponent = 9;

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

    /// <summary>Where a component lies and its size; zeros when it is not there.</summary>
    public (int Offset, int Size) this[int component] => components[component];

    /// <summary>The layout that a processor tells: the components that are switched on, up to PKRU.</summary>
    /// <param name="cpuid">What CPUID answers to a leaf and a sub-leaf.</param>
    /// <param name="enabled">XCR0.</param>
    public static XsaveLayout Of(Func<uint, uint, Architecture.CpuidRegisters> cpuid, ulong enabled)
    {
        ArgumentNullException.ThrowIfNull(cpuid);
        var found = new List<(int Component, int Offset, int Size)>();
        int last = cpuid(0, 0).Eax >= Leaf ? LastComponent : 0;
        for (int component = 2; component <= last; component++)
        {
            if ((enabled >> component & 1) == 0)
            {
                continue;
            }

            // SDM 1, "Enumeration of CPU support for XSAVE": EAX is the size, EBX the offset; ECX bit 0 tells a supervisor's component.
            Architecture.CpuidRegisters told = cpuid(Leaf, (uint)component);
            if (told.Eax != 0 && (told.Ecx & 1) == 0)
            {
                found.Add((component, (int)told.Ebx, (int)told.Eax));
            }
        }

        return new XsaveLayout([.. found]);
    }

    /// <summary>The components that lie where they lie on Intel's processors, out of some.</summary>
    public XsaveLayout AsOnIntel(ulong among)
    {
        var same = new List<(int Component, int Offset, int Size)>();
        for (int component = 2; component <= LastComponent; component++)
        {
            if ((among & Supported & 1UL << component) != 0 && this[component] == Intel[component])
            {
                same.Add((component, this[component].Offset, this[component].Size));
            }
        }

        return new XsaveLayout([.. same]);
    }

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
