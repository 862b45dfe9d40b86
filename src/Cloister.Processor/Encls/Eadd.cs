using System.Runtime.InteropServices;
using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>
/// ENCLS[EADD]: adds a page to an enclave that is not initialised. SDM 3D, EADD.
/// PT_SS_FIRST and PT_SS_REST are refused as on a processor without CET.
/// </summary>
public static class Eadd
{
    /// <summary>Executes the leaf.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="secs">PAGEINFO.SECS.</param>
    /// <param name="address">PAGEINFO.LINADDR.</param>
    /// <param name="secinfo">PAGEINFO.SECINFO.</param>
    /// <param name="source">4096 bytes: PAGEINFO.SRCPGE.</param>
    /// <param name="page">A free EPC page.</param>
    public static LeafResult Execute(SgxMachine machine, EpcPage secs, LinearAddress address, in Secinfo secinfo,
        ReadOnlySpan<byte> source, EpcPage page)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return machine.Tell(EnclsLeaf.Eadd, page, address, Run(machine, secs, address, secinfo, source, page));
    }

    private static LeafResult Run(SgxMachine machine, EpcPage secs, LinearAddress address, Secinfo secinfo,
        ReadOnlySpan<byte> source, EpcPage page)
    {
        // SDM 3D, EADD: DS:RCX does not resolve within an EPC.
        if (!machine.Epcm.Contains(page))
        {
            return LeafResult.PageFault;
        }

        // SDM 3D, EADD: TMP_LINADDR is not 4 KiB aligned.
        if (!address.IsPageAligned)
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, EADD: DS:TMP_SECS does not resolve within an EPC.
        if (!machine.Epcm.Contains(secs))
        {
            return LeafResult.PageFault;
        }

        // SDM 3D, EADD: SECINFO reserved fields; PT_REG or PT_TCS (the shadow stack types need CET).
        if (!SecinfoCheck.ReservedIsZero(secinfo) || secinfo.PageType is not (PageType.Reg or PageType.Tcs))
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, EADD: EPCM(DS:RCX).VALID, then the SECS's.
        if (machine.Epcm[page].Valid || !machine.IsSecs(secs))
        {
            return LeafResult.PageFault;
        }

        ref readonly Secs control = ref machine.SecsOf(secs);

        // SDM 3D, EADD: TCS reserved fields, and FSLIMIT and GSLIMIT outside 64-bit mode.
        if (secinfo.PageType == PageType.Tcs
            && TcsCheck.FindDefect(machine, MemoryMarshal.AsRef<Tcs>(source),
                control.Attributes) is (string field, int at, string expected, string found))
        {
            machine.Observer.EnclaveRefused(EnclsLeaf.Eadd, secs, default,
                $"page 0x{address - new LinearAddress(control.BaseAddr):x} (TCS), {field}, byte 0x{at:x}", expected, found);
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, EADD: PT_REG: FLAGS.W = 1 and FLAGS.R = 0.
        if (secinfo.PageType == PageType.Reg && (secinfo.Flags & (SecinfoFlags.R | SecinfoFlags.W)) == SecinfoFlags.W)
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, EADD: TMP_LINADDR is outside the enclave.
        if (address - new LinearAddress(control.BaseAddr) >= control.Size)
        {
            return LeafResult.GeneralProtection;
        }

        // SDM 3D, EADD: the enclave is initialised already.
        EnclaveRecord enclave = machine.EnclaveOf(secs);
        if (enclave.Measurement is not { } measurement)
        {
            return LeafResult.GeneralProtection;
        }

        machine.Memory.Fill(page, source[..LinearAddress.PageSize]);
        if (secinfo.PageType == PageType.Tcs)
        {
            // SDM 3D, EADD: a TCS has no permissions and begins idle.
            secinfo.Flags &= ~SecinfoFlags.PermissionMask;
            ref Tcs tcs = ref machine.TcsOf(page);
            tcs.Flags &= ~TcsFlags.Dbgoptin;
            tcs.Cssa = 0;
            tcs.Aep = 0;
            tcs.State = 0;
        }

        measurement.Eadd(address.Value - control.BaseAddr, secinfo);
        machine.Claim(page, secinfo.Flags & (SecinfoFlags.PermissionMask | SecinfoFlags.PageTypeMask), secs, address);
        return LeafResult.Success;
    }
}
