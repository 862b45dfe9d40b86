using System.Numerics;
using System.Runtime.InteropServices;
using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>
/// ENCLS[ECREATE]: makes an enclave's SECS. SDM 3D, ECREATE.
/// The alignment of operands is in their types; PAGEINFO.LINADDR and SECS, which must be 0, are not operands here.
/// </summary>
public static class Ecreate
{
    private const ulong Avx = 1 << 2, Mpx = 3 << 3, Avx512 = 7 << 5, Amx = 3 << 17;

    /// <summary>Executes the leaf.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="sourceSecs">4096 bytes: PAGEINFO.SRCPGE.</param>
    /// <param name="secinfo">PAGEINFO.SECINFO.</param>
    /// <param name="page">A free EPC page.</param>
    public static LeafResult Execute(SgxMachine machine, ReadOnlySpan<byte> sourceSecs, in Secinfo secinfo, EpcPage page)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return machine.Tell(EnclsLeaf.Ecreate, page, default, Run(machine, sourceSecs, secinfo, page));
    }

    private static LeafResult Run(SgxMachine machine, ReadOnlySpan<byte> sourceSecs, in Secinfo secinfo, EpcPage page)
    {
        // SDM 3D, ECREATE: DS:RCX does not resolve within an EPC.
        if (!machine.Epcm.Contains(page))
        {
            return LeafResult.PageFault;
        }

        // SDM 3D, ECREATE: SECINFO reserved fields, FLAGS.PT = PT_SECS.
        if (!SecinfoCheck.ReservedIsZero(secinfo) || secinfo.PageType != PageType.Secs)
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, ECREATE: EPCM(DS:RCX).VALID = 1.
        if (machine.Epcm[page].Valid)
        {
            return LeafResult.PageFault;
        }

        Secs secs = MemoryMarshal.Read<Secs>(sourceSecs);
        if (Refusal(machine, secs) is (string field, string expected, string found))
        {
            machine.Observer.EnclaveRefused(EnclsLeaf.Ecreate, page, default, field, expected, found);
            return LeafResult.GeneralProtection;
        }

        secs.Isvsvn = 0;
        secs.Isvprodid = 0;
        MemoryMarshal.Write(machine.Memory[page], in secs);
        ulong eid = machine.NextEid();
        machine.ExtensionOf(page) = new SecsExtension { Eid = eid };
        machine.Claim(page, SecinfoFlags.None, EpcPage.None, default);
        Measurement measurement = machine.Options.NewMeasurement();
        measurement.Ecreate(secs.Size, secs.SsaFrameSize);
        machine.AddEnclave(page, eid, measurement);
        return LeafResult.Success;
    }

    /// <summary>The first field that is not legal, in the manual's order, what it must be and what it is; or null.</summary>
    private static (string Field, string Expected, string Found)? Refusal(SgxMachine machine, in Secs secs)
    {
        MachineOptions options = machine.Options;
        bool mode64 = secs.Attributes.Flags.HasFlag(AttributeFlags.Mode64Bit);

        // SDM 3D, ECREATE: XFRM must have x87 and SSE.
        if ((secs.Attributes.Xfrm & Attributes.XfrmLegacy) != Attributes.XfrmLegacy)
        {
            return ("ATTRIBUTES.XFRM[1:0]", $"{Attributes.XfrmLegacy:x}", $"{secs.Attributes.Xfrm & Attributes.XfrmLegacy:x}");
        }

        // SDM 3D, ECREATE: XFRM is illegal.
        if (!IsLegalXfrm(secs.Attributes.Xfrm) || (secs.Attributes.Xfrm & ~options.Xsave.Supported) != 0)
        {
            return ("ATTRIBUTES.XFRM", $"a legal set within {options.Xsave.Supported:x}", $"{secs.Attributes.Xfrm:x}");
        }

        // SDM 3D, ECREATE: without CET its fields must be 0.
        if (secs.CetAttributes != 0 || secs.CetLegBitmapOffset != 0)
        {
            return ("CET_ATTRIBUTES", "0", $"{secs.CetAttributes:x}, CET_LEG_BITMAP_OFFSET {secs.CetLegBitmapOffset:x}");
        }

        // SDM 3D, ECREATE: unsupported MISCSELECT.
        if ((secs.Miscselect & ~options.MiscselectMask) != 0)
        {
            return ("MISCSELECT", $"within {(uint)options.MiscselectMask:x}", $"{(uint)secs.Miscselect:x}");
        }

        // SDM 3D, ECREATE: the frame must hold XSAVE, MISC and GPRSGX.
        long frame = options.Xsave.SizeOf(secs.Attributes.Xfrm) + StateSaveArea.MiscSize(secs.Miscselect) + Gprsgx.SizeInBytes;
        if ((long)secs.SsaFrameSize * LinearAddress.PageSize < frame)
        {
            return ("SSAFRAMESIZE", $"{(frame + LinearAddress.PageSize - 1) / LinearAddress.PageSize:x} or more", $"{secs.SsaFrameSize:x}");
        }

        // SDM 3D, ECREATE: BASEADDR canonical in 64-bit mode, below 4 GiB otherwise.
        if (mode64 ? !new LinearAddress(secs.BaseAddr).IsCanonical : secs.BaseAddr >> 32 != 0)
        {
            return ("BASEADDR", mode64 ? "canonical" : "below 4 GiB", $"{secs.BaseAddr:x}");
        }

        // SDM 3D, ECREATE: SIZE at least two pages, a power of two, and no more than 2 to the power of CPUID.12H.0:EDX. The pseudocode
        // prints "greater or equal", but processors take just that size, as the SDM's description of CPUID.12H has it. Intel DCAP, pull
        // request 123.
        int maximum = mode64 ? options.MaximumEnclaveSize64 : options.MaximumEnclaveSizeNot64;
        if (secs.Size > 1UL << maximum || secs.Size < 2 * LinearAddress.PageSize || !BitOperations.IsPow2(secs.Size))
        {
            return ("SIZE", $"a power of two from {2 * LinearAddress.PageSize:x} to {1UL << maximum:x}", $"{secs.Size:x}");
        }

        // SDM 3D, ECREATE: BASEADDR is a multiple of SIZE.
        if ((secs.BaseAddr & (secs.Size - 1)) != 0)
        {
            return ("BASEADDR", $"a multiple of {secs.Size:x}", $"{secs.BaseAddr:x}");
        }

        // SDM 3D, ECREATE: unsupported attributes.
        Attributes mask = options.AttributesMask;
        if ((secs.Attributes.Flags & ~mask.Flags) != 0 || (secs.Attributes.Xfrm & ~mask.Xfrm) != 0)
        {
            return ("ATTRIBUTES", $"within {(ulong)mask.Flags:x}, XFRM {mask.Xfrm:x}",
                $"{(ulong)secs.Attributes.Flags:x}, XFRM {secs.Attributes.Xfrm:x}");
        }

        // SDM 3D, ECREATE: reserved fields. MRENCLAVE, MRSIGNER, ISVPRODID and ISVSVN are overwritten and not checked.
        if (!Zero.Is(secs.Reserved1) || !Zero.Is(secs.Reserved2) || !Zero.Is(secs.Reserved3) || !Zero.Is(secs.Reserved4))
        {
            return ("reserved", "0", "not 0");
        }

        // SDM 3D, ECREATE: CONFIGID and CONFIGSVN need KSS.
        bool configured = !Zero.Is(secs.Configid) || secs.Configsvn != 0;
        return configured && !secs.Attributes.Flags.HasFlag(AttributeFlags.Kss) ? ("CONFIGID", "0 without KSS", "not 0") : null;
    }

    // SDM 1, "XCR0": AVX-512's three components come together and with AVX, MPX's two together, AMX's two together.
    private static bool IsLegalXfrm(ulong xfrm)
        => AllOrNone(xfrm, Mpx) && AllOrNone(xfrm, Avx512) && AllOrNone(xfrm, Amx)
            && ((xfrm & Avx512) == 0 || (xfrm & Avx) != 0);

    private static bool AllOrNone(ulong xfrm, ulong mask) => (xfrm & mask) == 0 || (xfrm & mask) == mask;
}
