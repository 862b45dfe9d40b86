using System.Numerics;
using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>What a SECS must be in the drivers before v20, which asked before ECREATE did (sgx_validate_secs).</summary>
internal static class SecsCheck
{
    // Bits 3 and 4 of XFRM, BNDREGS and BNDCSR, come together.
    private const ulong BoundsComponents = 3UL << 3;

    // SGX_ATTR_RESERVED_MASK of 2018: bits 0, 3 and from 6 on.
    private const ulong ReservedAttributes = 1 | (1UL << 3) | (ulong.MaxValue << 6);

    public static bool IsValid(in Secs secs, MachineOptions options)
    {
        bool hasRange = secs.Size >= 2 * LinearAddress.PageSize
            && BitOperations.IsPow2(secs.Size)
            && (secs.BaseAddr & (secs.Size - 1)) == 0
            && secs.Size <= 1UL << options.MaximumEnclaveSize64;

        // 32-bit enclaves are for 32-bit tasks.
        var attributes = secs.Attributes;
        bool hasAttributes = ((ulong)attributes.Flags & ReservedAttributes) == 0
            && (attributes.Flags & AttributeFlags.Mode64Bit) != 0
            && (secs.Miscselect & ~options.MiscselectMask) == 0;

        ulong bounds = attributes.Xfrm & BoundsComponents;
        bool hasComponents = (attributes.Xfrm & Attributes.XfrmLegacy) == Attributes.XfrmLegacy
            && (attributes.Xfrm & ~options.AttributesMask.Xfrm) == 0
            && bounds is 0 or BoundsComponents;

        // The frame holds the XSAVE area, the MISC region and the registers.
        int frame = options.Xsave.SizeOf(attributes.Xfrm) + Exinfo.SizeInBytes + Gprsgx.SizeInBytes;
        bool hasFrame = (ulong)secs.SsaFrameSize * LinearAddress.PageSize >= (ulong)frame;

        ReadOnlySpan<byte> reserved1 = secs.Reserved1;
        ReadOnlySpan<byte> reserved2 = secs.Reserved2;
        ReadOnlySpan<byte> reserved3 = secs.Reserved3;
        ReadOnlySpan<byte> reserved4 = secs.Reserved4;
        bool isReservedZero = !reserved1.ContainsAnyExcept((byte)0)
            && !reserved2.ContainsAnyExcept((byte)0)
            && !reserved3.ContainsAnyExcept((byte)0)
            && !reserved4.ContainsAnyExcept((byte)0);
        return hasRange && hasAttributes && hasComponents && hasFrame && isReservedZero;
    }
}
